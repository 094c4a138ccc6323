// moelab::expert_ffn on the GPU, with autograd.

#include "../expertFfn.h"

#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "call.h"

namespace moelab::cuda {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

FfnActivation activationNamed(c10::string_view name) {
  if (name == "swiglu") return FfnActivation::swiglu;
  if (name == "gelu") return FfnActivation::gelu;
  TORCH_CHECK_VALUE(false, "activation: expected \"swiglu\" or \"gelu\", got \"", name, "\"");
}

/// The checked arguments of a call.
struct Arguments {
  at::Tensor x, up, down, weight, order, taken;
  Call call;
  ExpertFfn ffn;

  Arguments(const at::Tensor& x_, const at::Tensor& up_, const at::Tensor& down_, const at::Tensor& weight_,
            const at::Tensor& order_, const at::Tensor& taken_, c10::string_view activation)
      : x(x_.contiguous()), up(up_.contiguous()), down(down_.contiguous()), weight(weight_.contiguous()),
        order(order_.contiguous()), taken(taken_.contiguous()), call("expert_ffn", x) {
    ffn.element = elementOf("x", x);
    ffn.activation = activationNamed(activation);
    TORCH_CHECK_VALUE(x.dim() == 2, "x: expected shape [tokens, dim], got ", x.sizes());
    TORCH_CHECK_VALUE(down.dim() == 3, "down: expected shape [experts, dim, hidden], got ", down.sizes());
    TORCH_CHECK_VALUE(weight.dim() == 2 && weight.size(0) == x.size(0), "weight: expected shape [", x.size(0),
                      ", choices], got ", weight.sizes());
    ffn.dim = x.size(1);
    ffn.hidden = down.size(2);
    const int64_t tokens = x.size(0), choices = weight.size(1), experts = down.size(0), rows = order.numel();
    TORCH_CHECK_VALUE(down.size(1) == ffn.dim, "down: expected shape [experts, ", ffn.dim, ", hidden], got ",
                      down.sizes());
    TORCH_CHECK_VALUE(up.dim() == 3 && up.size(0) == experts && up.size(1) == ffn.width() && up.size(2) == ffn.dim,
                      "up: expected shape [", experts, ", ", ffn.width(), ", ", ffn.dim, "], got ", up.sizes());
    TORCH_CHECK_TYPE(up.scalar_type() == x.scalar_type() && down.scalar_type() == x.scalar_type(),
                     "up and down: expected the type of x, ", x.scalar_type(), ", got ", up.scalar_type(), " and ",
                     down.scalar_type());
    TORCH_CHECK_TYPE(weight.scalar_type() == at::kFloat, "weight: expected float32, got ", weight.scalar_type());
    TORCH_CHECK_TYPE(order.scalar_type() == at::kLong && taken.scalar_type() == at::kLong,
                     "order and taken: expected int64, got ", order.scalar_type(), " and ", taken.scalar_type());
    TORCH_CHECK_VALUE(order.dim() == 1, "order: expected one dimension, got shape ", order.sizes());
    TORCH_CHECK_VALUE(taken.dim() == 1 && taken.size(0) == experts, "taken: expected shape [", experts, "], got ",
                      taken.sizes());
    for (const auto* each : {&up, &down, &weight, &order, &taken}) {
      TORCH_CHECK_VALUE(each->device() == x.device(), "expected all tensors on ", x.device(), ", got one on ",
                        each->device());
    }
    checkRows("x", tokens * choices);
    checkRows("order", rows);
    ffn.routing = {tokens, choices, experts, rows, 0, order.const_data_ptr<int64_t>(), taken.const_data_ptr<int64_t>(),
                   weight.const_data_ptr<float>()};
    ffn.x = x.const_data_ptr();
    ffn.up = up.const_data_ptr();
    ffn.down = down.const_data_ptr();
    ffn.failure = call.failure();
  }
};

struct Forward {
  at::Tensor out, preactivation;
};

Forward run(const Arguments& given, bool keep) {
  const ExpertFfn& ffn = given.ffn;
  Forward made{at::empty_like(given.x), {}};
  if (keep) made.preactivation = at::empty({ffn.routing.stored(), ffn.width()}, given.x.options());
  const at::Tensor scratch = given.call.scratch(expertFfnForwardBytes(ffn));
  given.call.check(expertFfnForward(ffn, scratch.mutable_data_ptr(),
                                    keep ? made.preactivation.mutable_data_ptr() : nullptr,
                                    made.out.mutable_data_ptr(), given.call.stream()));
  given.call.finish();
  return made;
}

at::Tensor expertFfn(const at::Tensor& x, const at::Tensor& up, const at::Tensor& down, const at::Tensor& weight,
                     const at::Tensor& order, const at::Tensor& taken, c10::string_view activation, bool) {
  return run(Arguments(x, up, down, weight, order, taken, activation), false).out;
}

class ExpertFfnFunction : public torch::autograd::Function<ExpertFfnFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& up, const at::Tensor& down,
                            const at::Tensor& weight, const at::Tensor& order, const at::Tensor& taken,
                            const std::string& activation, bool recompute) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const Arguments given(x, up, down, weight, order, taken, activation);
    const Forward made = run(given, !recompute);
    context->save_for_backward({given.x, given.up, given.down, given.weight, given.order, given.taken, made.preactivation});
    context->saved_data["activation"] = activation;
    return made.out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const std::string activation = context->saved_data["activation"].toStringRef();
    const Arguments given(saved[0], saved[1], saved[2], saved[3], saved[4], saved[5], activation);
    const at::Tensor& preactivation = saved[6];
    const at::Tensor grad = grads[0].contiguous();
    const auto wanted = [&](int input, const at::Tensor& like) {
      return context->needs_input_grad(input) ? at::empty_like(like) : at::Tensor();
    };
    const at::Tensor x = wanted(0, given.x), up = wanted(1, given.up), down = wanted(2, given.down),
                     weight = wanted(3, given.weight);
    const auto place = [](const at::Tensor& t) { return t.defined() ? t.mutable_data_ptr() : nullptr; };
    const at::Tensor scratch = given.call.scratch(expertFfnBackwardBytes(given.ffn, !preactivation.defined()));
    given.call.check(expertFfnBackward(given.ffn, scratch.mutable_data_ptr(), grad.const_data_ptr(),
                                       preactivation.defined() ? preactivation.const_data_ptr() : nullptr,
                                       {place(x), place(up), place(down), static_cast<float*>(place(weight))},
                                       given.call.stream()));
    given.call.finish();
    return {x, up, down, weight, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

at::Tensor withAutograd(const at::Tensor& x, const at::Tensor& up, const at::Tensor& down, const at::Tensor& weight,
                        const at::Tensor& order, const at::Tensor& taken, c10::string_view activation, bool recompute) {
  const bool recorded = at::GradMode::is_enabled() && (x.requires_grad() || up.requires_grad() || down.requires_grad() ||
                                                       weight.requires_grad());
  if (!recorded) {
    const at::AutoDispatchBelowADInplaceOrView below;
    return expertFfn(x, up, down, weight, order, taken, activation, recompute);
  }
  return ExpertFfnFunction::apply(x, up, down, weight, order, taken, std::string(activation), recompute);
}

}  // namespace

TORCH_LIBRARY_IMPL(moelab, MOELAB_GPU, library) { library.impl("expert_ffn", expertFfn); }
TORCH_LIBRARY_IMPL(moelab, MOELAB_AUTOGRAD_GPU, library) { library.impl("expert_ffn", withAutograd); }

}  // namespace moelab::cuda
