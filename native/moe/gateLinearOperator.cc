// moelab::gate_linear: the logits of a gate, in float32 whatever the tokens are, with autograd.

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "cpu/capability.h"
#include "cpu/gateLinear.h"

namespace moelab {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Pair = std::tuple<at::Tensor, at::Tensor>;

void check(const at::Tensor& x, const at::Tensor& weight) {
  TORCH_CHECK_TYPE(at::isFloatingType(x.scalar_type()) && at::isFloatingType(weight.scalar_type()),
                   "x and weight: expected floating point types, got ", x.scalar_type(), " and ", weight.scalar_type());
  TORCH_CHECK_VALUE(weight.dim() == 2, "weight: expected shape [experts, dim], got ", weight.sizes());
  TORCH_CHECK_VALUE(x.dim() == 2 && x.size(1) == weight.size(1), "x: expected shape [tokens, ", weight.size(1), "], got ",
                    x.sizes());
  TORCH_CHECK_VALUE(x.device() == weight.device(), "x and weight: expected one device, got ", x.device(), " and ",
                    weight.device());
}

void checkGrad(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight) {
  TORCH_CHECK_VALUE(grad.dim() == 2 && grad.size(0) == x.size(0) && grad.size(1) == weight.size(0),
                    "grad: expected shape [", x.size(0), ", ", weight.size(0), "], got ", grad.sizes());
}

bool hasKernel(const at::Tensor& x, const at::Tensor& weight) {
  return x.scalar_type() == at::kBFloat16 && weight.scalar_type() == at::kFloat && weight.numel() > 0;
}

at::Tensor forwardAnywhere(const at::Tensor& x, const at::Tensor& weight) {
  check(x, weight);
  return at::matmul(x.to(weight.scalar_type()), weight.t());
}

Pair backwardAnywhere(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight, std::array<bool, 2> mask) {
  check(x, weight);
  checkGrad(grad, x, weight);
  return {mask[0] ? at::matmul(grad, weight).to(x.scalar_type()) : at::Tensor(),
          mask[1] ? at::matmul(grad.t(), x.to(weight.scalar_type())) : at::Tensor()};
}

GateLinear plain(const at::Tensor& x, const at::Tensor& weight) {
  return {x.const_data_ptr(), weight.const_data_ptr<float>(), x.size(0), x.size(1), weight.size(0),
          at::get_num_threads()};
}

at::Tensor forwardOnCpu(const at::Tensor& x, const at::Tensor& weight) {
  check(x, weight);
  if (!hasKernel(x, weight)) return forwardAnywhere(x, weight);
  const at::Tensor tokens = x.contiguous(), weights = weight.contiguous();
  at::Tensor logits = at::empty({x.size(0), weight.size(0)}, weight.options());
  gateLinearForward(plain(tokens, weights), cpuCapability(), logits.mutable_data_ptr<float>());
  return logits;
}

Pair backwardOnCpu(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight, std::array<bool, 2> mask) {
  check(x, weight);
  checkGrad(grad, x, weight);
  if (!hasKernel(x, weight) || grad.scalar_type() != at::kFloat) return backwardAnywhere(grad, x, weight, mask);
  const at::Tensor given = grad.contiguous(), tokens = x.contiguous(), weights = weight.contiguous();
  const at::Tensor gradX = mask[0] ? at::empty_like(tokens) : at::Tensor();
  const at::Tensor gradWeight = mask[1] ? at::empty_like(weights) : at::Tensor();
  gateLinearBackward(plain(tokens, weights), cpuCapability(), given.const_data_ptr<float>(),
                     mask[0] ? gradX.mutable_data_ptr() : nullptr,
                     mask[1] ? gradWeight.mutable_data_ptr<float>() : nullptr);
  return {gradX, gradWeight};
}

class GateLinearFunction : public torch::autograd::Function<GateLinearFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight) {
    static const auto product = c10::Dispatcher::singleton()
                                    .findSchemaOrThrow("moelab::gate_linear", "")
                                    .typed<at::Tensor(const at::Tensor&, const at::Tensor&)>();
    const at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({x, weight});
    return product.call(x, weight);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    static const auto gradients =
        c10::Dispatcher::singleton()
            .findSchemaOrThrow("moelab::gate_linear_backward", "")
            .typed<Pair(const at::Tensor&, const at::Tensor&, const at::Tensor&, std::array<bool, 2>)>();
    const auto saved = context->get_saved_variables();
    const auto [x, weight] = gradients.call(grads[0], saved[0], saved[1],
                                            {context->needs_input_grad(0), context->needs_input_grad(1)});
    return {x, weight};
  }
};

at::Tensor withAutograd(const at::Tensor& x, const at::Tensor& weight) { return GateLinearFunction::apply(x, weight); }

}  // namespace

TORCH_LIBRARY_FRAGMENT(moelab, library) {
  // x: [T, dim] of any floating point type, weight: [E, dim] -> x · weightᵀ, [T, E], in the type of weight: as if x were
  // converted to it.
  library.def("gate_linear(Tensor x, Tensor weight) -> Tensor");
  library.def("gate_linear_backward(Tensor grad, Tensor x, Tensor weight, bool[2] output_mask) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(moelab, CPU, library) {
  library.impl("gate_linear", forwardOnCpu);
  library.impl("gate_linear_backward", backwardOnCpu);
}

TORCH_LIBRARY_IMPL(moelab, CompositeExplicitAutograd, library) {
  library.impl("gate_linear", forwardAnywhere);
  library.impl("gate_linear_backward", backwardAnywhere);
}

TORCH_LIBRARY_IMPL(moelab, Autograd, library) { library.impl("gate_linear", withAutograd); }

}  // namespace moelab
