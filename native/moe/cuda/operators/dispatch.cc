// moelab::dispatch and moelab::order_by_expert on the GPU.

#include "dispatch.h"

#include <ATen/Functions.h>
#include <torch/library.h>

#include "../dispatch.h"
#include "call.h"

namespace moelab::cuda {

namespace {

void checkLike(const char* name, const at::Tensor& given, const at::Tensor& experts) {
  TORCH_CHECK_VALUE(given.sizes() == experts.sizes(), name, ": expected the shape of experts, ", experts.sizes(),
                    ", got ", given.sizes());
  TORCH_CHECK_VALUE(given.device() == experts.device(), name, ": expected it on ", experts.device(), ", got ",
                    given.device());
}

}  // namespace

Dispatched dispatchOnGpu(const at::Tensor& experts, const DispatchOptions& options) {
  const auto& [count, capacity, groups, priority, kept] = options;
  TORCH_CHECK_TYPE(experts.scalar_type() == at::kLong, "experts: expected int64, got ", experts.scalar_type());
  TORCH_CHECK_VALUE(experts.dim() == 2, "experts: expected shape [tokens, choices], got ", experts.sizes());
  TORCH_CHECK_VALUE(count > 0, "count: expected at least 1 expert, got ", count);
  TORCH_CHECK_VALUE(groups > 0 && experts.size(0) % groups == 0, "groups: expected a divisor of the ", experts.size(0),
                    " tokens, got ", groups);
  if (groups > mostBuckets || count * groups > mostBuckets) return dispatchReference(experts, options);
  const at::Tensor input = experts.contiguous();
  const Call call("dispatch", input);
  checkRows("experts", input.numel());
  Assignments asked{input.const_data_ptr<int64_t>(), input.size(0), input.size(1), count};
  asked.capacity = capacity;
  asked.groups = groups;
  at::Tensor sequence, keeps;
  if (priority) {
    checkLike("priority", *priority, experts);
    TORCH_CHECK_TYPE(at::isFloatingType(priority->scalar_type()), "priority: expected a floating point type, got ",
                     priority->scalar_type());
    if (capacity >= 0) {
      const at::Tensor byNumber = priority->detach().t().reshape({-1});
      sequence = std::get<1>(at::sort(byNumber, /*stable=*/true, /*dim=*/0, /*descending=*/true));
      asked.sequence = sequence.const_data_ptr<int64_t>();
    }
  }
  if (kept) {
    checkLike("kept", *kept, experts);
    TORCH_CHECK_TYPE(kept->scalar_type() == at::kBool, "kept: expected bool, got ", kept->scalar_type());
    keeps = kept->contiguous();
    asked.kept = keeps.const_data_ptr<bool>();
  }
  const at::Tensor order = at::empty({input.numel()}, input.options());
  const at::Tensor load = at::empty({count}, input.options()), taken = at::empty_like(load);
  const at::Tensor scratch = call.scratch(dispatchBytes(asked));
  call.check(dispatch(asked, scratch.mutable_data_ptr(), order.mutable_data_ptr<int64_t>(),
                      load.mutable_data_ptr<int64_t>(), taken.mutable_data_ptr<int64_t>(), call.failure(), call.stream()));
  if (capacity < 0 && !kept) {
    call.finish();
    return {order, load, taken};
  }
  // How many rows there are decides a shape: the host has to know.
  const int64_t rows = taken.sum().item<int64_t>();
  call.wait();
  return {order.narrow(0, 0, rows), load, taken};
}

namespace {

Dispatched dispatchOperator(const at::Tensor& experts, int64_t count, int64_t capacity, int64_t groups,
                            const std::optional<at::Tensor>& priority, const std::optional<at::Tensor>& kept) {
  return dispatchOnGpu(experts, {count, capacity, groups, priority, kept});
}

Dispatched orderByExpert(const at::Tensor& expert, int64_t experts, int64_t capacity) {
  TORCH_CHECK_VALUE(expert.dim() == 1, "expert: expected one dimension, got shape ", expert.sizes());
  return dispatchOnGpu(expert.unsqueeze(1), {experts, capacity});
}

}  // namespace

TORCH_LIBRARY_IMPL(moelab, MOELAB_GPU, library) {
  library.impl("dispatch", dispatchOperator);
  library.impl("order_by_expert", orderByExpert);
}

}  // namespace moelab::cuda
