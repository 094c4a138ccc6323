// The operators on the GPU, compiled for the CPU with emulated kernels. Loaded after moelab's operators they take the place
// of the CPU's own: what a test then computes is what the GPU would.

#include <ATen/core/dispatch/Dispatcher.h>

#include "../moe/cuda/operators/call.cc"
#include "../moe/cuda/operators/dispatch.cc"
#include "../moe/cuda/operators/expertFfn.cc"
#include "../moe/cuda/operators/gate.cc"
#include "../moe/cuda/operators/groupedLinear.cc"
#include "../moe/cuda/operators/permute.cc"
#include "../moe/expertRows.cc"
#include "../moe/gateOptions.cc"
#include "../moe/gateReference.cc"
#include "../moe/groupedLinearReference.cc"
#include "../moe/permuteReference.cc"

namespace moelab {

/// That of the library beside this one.
Dispatched dispatchReference(const at::Tensor& experts, const DispatchOptions& options) {
  using Signature = Dispatched(const at::Tensor&, int64_t, int64_t, int64_t, const std::optional<at::Tensor>&,
                               const std::optional<at::Tensor>&);
  static const auto reference =
      c10::Dispatcher::singleton().findSchemaOrThrow("moelab::dispatch_reference", "").typed<Signature>();
  return reference.call(experts, options.count, options.capacity, options.groups, options.priority, options.kept);
}

}  // namespace moelab
