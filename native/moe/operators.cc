// moelab's operators as the dispatcher knows them. Their schemas are the interface to TypeScript and to Python alike.

#include <ATen/Functions.h>
#include <torch/library.h>

#include "expertOrder.h"

namespace moelab {

namespace {

std::tuple<at::Tensor, at::Tensor, at::Tensor> orderByExpert(const at::Tensor& expert, int64_t experts,
                                                             int64_t capacity) {
  TORCH_CHECK_TYPE(expert.scalar_type() == at::kLong, "expert: expected int64, got ", expert.scalar_type());
  TORCH_CHECK_VALUE(expert.dim() == 1, "expert: expected one dimension, got shape ", expert.sizes());
  TORCH_CHECK_VALUE(experts > 0, "experts: expected at least 1, got ", experts);
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

}  // namespace

TORCH_LIBRARY(moelab, library) {
  // Stable order of assignments by expert; a negative capacity means no limit. order: int64 [taken], load and
  // taken: int64 [experts].
  library.def("order_by_expert(Tensor expert, int experts, int capacity=-1) -> (Tensor order, Tensor load, Tensor taken)");
}

TORCH_LIBRARY_IMPL(moelab, CPU, library) { library.impl("order_by_expert", orderByExpert); }

}  // namespace moelab
