// moelab::dispatch: from chosen experts to the rows of each expert. See dispatchOrder.h for what is computed.

#include "dispatchOperator.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <torch/library.h>

#include "dispatchOrder.h"

namespace moelab {

namespace {

void checkDispatch(const at::Tensor& experts, const DispatchOptions& options) {
  TORCH_CHECK_TYPE(experts.scalar_type() == at::kLong, "experts: expected int64, got ", experts.scalar_type());
  TORCH_CHECK_VALUE(experts.dim() == 2, "experts: expected shape [tokens, choices], got ", experts.sizes());
  TORCH_CHECK_VALUE(options.count > 0, "count: expected at least 1 expert, got ", options.count);
  TORCH_CHECK_VALUE(options.groups > 0 && experts.size(0) % options.groups == 0,
                    "groups: expected a divisor of the ", experts.size(0), " tokens, got ", options.groups);
  const auto like = [&](const char* name, const std::optional<at::Tensor>& given) {
    TORCH_CHECK_VALUE(!given || given->sizes() == experts.sizes(), name, ": expected the shape of experts, ",
                      experts.sizes(), ", got ", given->sizes());
    TORCH_CHECK_VALUE(!given || given->device() == experts.device(), name, ": expected it on ", experts.device(),
                      ", got ", given->device());
  };
  like("priority", options.priority);
  like("kept", options.kept);
  TORCH_CHECK_TYPE(!options.priority || at::isFloatingType(options.priority->scalar_type()),
                   "priority: expected a floating point type, got ", options.priority->scalar_type());
  TORCH_CHECK_TYPE(!options.kept || options.kept->scalar_type() == at::kBool, "kept: expected bool, got ",
                   options.kept->scalar_type());
}

/// [T, k] in the order of the assignments' numbers.
at::Tensor byNumber(const at::Tensor& perChoice) { return perChoice.t().reshape({-1}); }

DispatchOptions optionsOf(int64_t count, int64_t capacity, int64_t groups, const std::optional<at::Tensor>& priority,
                          const std::optional<at::Tensor>& kept) {
  return {count, capacity, groups, priority, kept};
}

Dispatched dispatch(const at::Tensor& experts, int64_t count, int64_t capacity, int64_t groups,
                    const std::optional<at::Tensor>& priority, const std::optional<at::Tensor>& kept) {
  return dispatchOnCpu(experts, optionsOf(count, capacity, groups, priority, kept));
}

Dispatched reference(const at::Tensor& experts, int64_t count, int64_t capacity, int64_t groups,
                     const std::optional<at::Tensor>& priority, const std::optional<at::Tensor>& kept) {
  return dispatchReference(experts, optionsOf(count, capacity, groups, priority, kept));
}

}  // namespace

Dispatched dispatchReference(const at::Tensor& experts, const DispatchOptions& options) {
  checkDispatch(experts, options);
  const auto& [count, capacity, groups, priority, kept] = options;
  const int64_t tokens = experts.size(0);
  const at::Tensor asked = byNumber(experts);
  if (asked.numel() > 0) {
    const auto [low, high] = at::aminmax(asked);
    TORCH_CHECK_INDEX(low.item<int64_t>() >= 0 && high.item<int64_t>() < count, "experts: expected values from 0 to ",
                      count - 1, ", got ", low.item<int64_t>(), " to ", high.item<int64_t>());
  }
  at::Tensor numbers = kept ? byNumber(*kept).nonzero().reshape({-1}) : at::arange(asked.numel(), asked.options());
  const at::Tensor load = at::bincount(asked.index_select(0, numbers), {}, count);
  if (capacity >= 0 && numbers.numel() > 0) {
    if (priority) {
      const at::Tensor rank = byNumber(priority->detach()).index_select(0, numbers);
      numbers = numbers.index_select(0, std::get<1>(at::sort(rank, /*stable=*/true, /*dim=*/0, /*descending=*/true)));
    }
    const at::Tensor group = at::floor_divide(at::remainder(numbers, tokens), tokens / groups);
    const at::Tensor bucket = asked.index_select(0, numbers) + group * count;
    const auto [sorted, first] = at::sort(bucket, /*stable=*/true, /*dim=*/0, /*descending=*/false);
    const at::Tensor asks = at::bincount(bucket, {}, count * groups);
    const at::Tensor place = at::arange(numbers.numel(), asked.options()) - (asks.cumsum(0) - asks).index_select(0, sorted);
    numbers = std::get<0>(at::sort(numbers.index_select(0, first).masked_select(place < capacity)));
  }
  const at::Tensor taken = asked.index_select(0, numbers);
  const at::Tensor order = std::get<1>(at::sort(taken, /*stable=*/true, /*dim=*/0, /*descending=*/false));
  return {numbers.index_select(0, order), load, at::bincount(taken, {}, count)};
}

Dispatched dispatchOnCpu(const at::Tensor& experts, const DispatchOptions& options) {
  checkDispatch(experts, options);
  if (options.priority && options.priority->scalar_type() != at::kFloat) return dispatchReference(experts, options);
  const at::Tensor input = experts.contiguous();
  const at::Tensor priority = options.priority ? options.priority->contiguous() : at::Tensor();
  const at::Tensor kept = options.kept ? options.kept->contiguous() : at::Tensor();
  Assignments asked{input.const_data_ptr<int64_t>(), input.size(0), input.size(1), options.count};
  asked.capacity = options.capacity;
  asked.groups = options.groups;
  if (priority.defined()) asked.priority = priority.const_data_ptr<float>();
  if (kept.defined()) asked.kept = kept.const_data_ptr<bool>();
  at::Tensor order = at::empty({input.numel()}, input.options());
  at::Tensor load = at::empty({options.count}, input.options()), taken = at::empty_like(load);
  const int64_t rows = dispatchOrder(asked, order.mutable_data_ptr<int64_t>(), load.mutable_data_ptr<int64_t>(),
                                     taken.mutable_data_ptr<int64_t>());
  if (rows < 0) {
    const int64_t at = -1 - rows;
    TORCH_CHECK_INDEX(false, "experts[", at / input.size(1), ", ", at % input.size(1), "] is ", asked.experts[at],
                      ", expected 0 to ", options.count - 1);
  }
  return {order.narrow(0, 0, rows), load, taken};
}

TORCH_LIBRARY_FRAGMENT(moelab, library) {
  // experts: int64 [T, k]. Assignments are numbered c·T + t. A negative capacity means no limit; priority [T, k] decides who
  // comes first under one; kept (bool [T, k]) is false for assignments that are given up. order: int64 [rows], numbers of
  // those computed, by expert and within one by number; load and taken: int64 [count], before and after dropping.
  const char* const parameters =
      "(Tensor experts, int count, int capacity=-1, int groups=1, Tensor? priority=None, Tensor? kept=None) -> "
      "(Tensor order, Tensor load, Tensor taken)";
  library.def((std::string("dispatch") + parameters).c_str());
  library.def((std::string("dispatch_reference") + parameters).c_str());
}

TORCH_LIBRARY_IMPL(moelab, CPU, library) { library.impl("dispatch", dispatch); }

TORCH_LIBRARY_IMPL(moelab, CompositeExplicitAutograd, library) {
  library.impl("dispatch", reference);
  library.impl("dispatch_reference", reference);
}

}  // namespace moelab
