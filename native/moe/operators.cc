// moelab's operators as the dispatcher knows them. Their schemas are the interface to TypeScript and to Python alike.

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include <string>
#include <tuple>

#include "expertOrder.h"

namespace moelab {

namespace {

void checkAssignments(const at::Tensor& expert, int64_t experts) {
  TORCH_CHECK_TYPE(expert.scalar_type() == at::kLong, "expert: expected int64, got ", expert.scalar_type());
  TORCH_CHECK_VALUE(expert.dim() == 1, "expert: expected one dimension, got shape ", expert.sizes());
  TORCH_CHECK_VALUE(experts > 0, "experts: expected at least 1, got ", experts);
}

/// From PyTorch's operators alone: the reference that kernels are checked against, and what runs on devices without one.
std::tuple<at::Tensor, at::Tensor, at::Tensor> orderByExpertReference(const at::Tensor& expert, int64_t experts,
                                                                      int64_t capacity) {
  checkAssignments(expert, experts);
  const int64_t n = expert.numel();
  if (n > 0) {
    const auto [low, high] = at::aminmax(expert);
    TORCH_CHECK_INDEX(low.item<int64_t>() >= 0 && high.item<int64_t>() < experts, "expert: expected values from 0 to ",
                      experts - 1, ", got ", low.item<int64_t>(), " to ", high.item<int64_t>());
  }
  const auto [sorted, order] = at::sort(expert, /*stable=*/true, /*dim=*/0, /*descending=*/false);
  const at::Tensor load = at::bincount(expert, /*weights=*/{}, /*minlength=*/experts);
  if (capacity < 0) return {order, load, load.clone()};
  const at::Tensor first = load.cumsum(0) - load;
  const at::Tensor place = at::arange(n, expert.options()) - first.index_select(0, sorted);
  return {order.masked_select(place < capacity), load, load.clamp_max(capacity)};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> orderByExpert(const at::Tensor& expert, int64_t experts,
                                                             int64_t capacity) {
  checkAssignments(expert, experts);
  const at::Tensor input = expert.contiguous();
  const int64_t n = input.numel();
  at::Tensor order = at::empty({n}, input.options());
  at::Tensor load = at::empty({experts}, input.options());
  at::Tensor taken = at::empty({experts}, input.options());
  const int64_t total = expertOrder(input.const_data_ptr<int64_t>(), n, experts, capacity,
                                    order.mutable_data_ptr<int64_t>(), load.mutable_data_ptr<int64_t>(),
                                    taken.mutable_data_ptr<int64_t>());
  if (total < 0) {
    const int64_t at = -1 - total;
    TORCH_CHECK_INDEX(false, "expert[", at, "] is ", input.const_data_ptr<int64_t>()[at], ", expected 0 to ",
                      experts - 1);
  }
  return {order.narrow(0, 0, total), load, taken};
}

bool hasKernel(c10::string_view name, c10::string_view device) {
  const auto found = c10::Dispatcher::singleton().findSchema({"moelab::" + std::string(name), ""});
  TORCH_CHECK_VALUE(found, "name: expected that of an operator of moelab, got \"", name, "\"");
  const bool cuda = device == "cuda";
  TORCH_CHECK_VALUE(cuda || device == "cpu", "device: expected \"cpu\" or \"cuda\", got \"", device, "\"");
  return found->hasKernelForDispatchKey(cuda ? c10::DispatchKey::CUDA : c10::DispatchKey::CPU);
}

}  // namespace

TORCH_LIBRARY(moelab, library) {
  // Whether moelab has kernels for an operator on "cpu" or "cuda"; otherwise it runs through PyTorch's operators, if at all.
  library.def("has_kernel(str name, str device) -> bool", hasKernel);
  // Stable order of assignments by expert; a negative capacity means no limit. order: int64 [taken], load and
  // taken: int64 [experts].
  library.def("order_by_expert(Tensor expert, int experts, int capacity=-1) -> (Tensor order, Tensor load, Tensor taken)");
  library.def(
      "order_by_expert_reference(Tensor expert, int experts, int capacity=-1) -> "
      "(Tensor order, Tensor load, Tensor taken)");
}

TORCH_LIBRARY_IMPL(moelab, CPU, library) { library.impl("order_by_expert", orderByExpert); }

TORCH_LIBRARY_IMPL(moelab, CompositeExplicitAutograd, library) {
  library.impl("order_by_expert", orderByExpertReference);
  library.impl("order_by_expert_reference", orderByExpertReference);
}

}  // namespace moelab
