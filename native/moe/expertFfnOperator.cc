// moelab::expert_ffn: the experts of an MoE layer, with autograd. See cpu/expertFfn.h for what is computed.

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <vector>

#include "cpu/capability.h"
#include "cpu/expertFfn.h"

namespace moelab {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

FfnActivation activationNamed(c10::string_view name) {
  if (name == "swiglu") return FfnActivation::swiglu;
  if (name == "gelu") return FfnActivation::gelu;
  TORCH_CHECK_VALUE(false, "activation: expected \"swiglu\" or \"gelu\", got \"", name, "\"");
}

Element elementOf(const at::Tensor& x) {
  if (x.scalar_type() == at::kFloat) return Element::float32;
  if (x.scalar_type() == at::kBFloat16) return Element::bfloat16;
  TORCH_CHECK_TYPE(false, "x: expected float32 or bfloat16, got ", x.scalar_type());
}

/// The checked arguments of a call, and what the kernels need of them in plain memory.
struct Call {
  at::Tensor x, up, down, weight, order;
  std::vector<int64_t> offset, position;
  ExpertFfn ffn;

  Call(const at::Tensor& x_, const at::Tensor& up_, const at::Tensor& down_, const at::Tensor& weight_,
       const at::Tensor& order_, const at::Tensor& taken, c10::string_view activation)
      : x(x_.contiguous()), up(up_.contiguous()), down(down_.contiguous()), weight(weight_.contiguous()),
        order(order_.contiguous()) {
    ffn.element = elementOf(x);
    ffn.activation = activationNamed(activation);
    TORCH_CHECK_VALUE(x.dim() == 2, "x: expected shape [tokens, dim], got ", x.sizes());
    TORCH_CHECK_VALUE(down.dim() == 3, "down: expected shape [experts, dim, hidden], got ", down.sizes());
    TORCH_CHECK_VALUE(weight.dim() == 2 && weight.size(0) == x.size(0), "weight: expected shape [", x.size(0),
                      ", choices], got ", weight.sizes());
    ffn.tokens = x.size(0);
    ffn.dim = x.size(1);
    ffn.choices = weight.size(1);
    ffn.experts = down.size(0);
    ffn.hidden = down.size(2);
    TORCH_CHECK_VALUE(down.size(1) == ffn.dim, "down: expected shape [experts, ", ffn.dim, ", hidden], got ",
                      down.sizes());
    TORCH_CHECK_VALUE(up.dim() == 3 && up.size(0) == ffn.experts && up.size(1) == ffn.width() && up.size(2) == ffn.dim,
                      "up: expected shape [", ffn.experts, ", ", ffn.width(), ", ", ffn.dim, "], got ", up.sizes());
    TORCH_CHECK_TYPE(up.scalar_type() == x.scalar_type() && down.scalar_type() == x.scalar_type(),
                     "up and down: expected the type of x, ", x.scalar_type(), ", got ", up.scalar_type(), " and ",
                     down.scalar_type());
    TORCH_CHECK_TYPE(weight.scalar_type() == at::kFloat, "weight: expected float32, got ", weight.scalar_type());
    ffn.x = x.const_data_ptr();
    ffn.up = up.const_data_ptr();
    ffn.down = down.const_data_ptr();
    ffn.weight = weight.const_data_ptr<float>();
    ffn.threads = at::get_num_threads();
    placeRows(taken);
  }

 private:
  void placeRows(const at::Tensor& taken) {
    TORCH_CHECK_TYPE(order.scalar_type() == at::kLong && taken.scalar_type() == at::kLong,
                     "order and taken: expected int64, got ", order.scalar_type(), " and ", taken.scalar_type());
    TORCH_CHECK_VALUE(order.dim() == 1, "order: expected one dimension, got shape ", order.sizes());
    TORCH_CHECK_VALUE(taken.dim() == 1 && taken.size(0) == ffn.experts, "taken: expected shape [", ffn.experts,
                      "], got ", taken.sizes());
    const at::Tensor lengths = taken.contiguous();
    const int64_t* length = lengths.const_data_ptr<int64_t>();
    const int64_t rows = order.numel(), assignments = ffn.tokens * ffn.choices;
    offset.assign(1, 0);
    for (int64_t e = 0; e < ffn.experts; ++e) {
      TORCH_CHECK_VALUE(length[e] >= 0 && length[e] <= rows - offset.back(), "taken: expected lengths that sum to the ",
                        rows, " rows of order, got ", length[e], " for expert ", e, " after ", offset.back(), " rows");
      offset.push_back(offset.back() + length[e]);
    }
    TORCH_CHECK_VALUE(offset.back() == rows, "taken: expected lengths that sum to the ", rows, " rows of order, got ",
                      offset.back());
    position.assign(assignments, -1);
    const int64_t* assignment = order.const_data_ptr<int64_t>();
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t a = assignment[row];
      TORCH_CHECK_INDEX(a >= 0 && a < assignments, "order[", row, "] is ", a, ", expected 0 to ", assignments - 1);
      TORCH_CHECK_INDEX(position[a] < 0, "order: expected every assignment once, got ", a, " in rows ", position[a],
                        " and ", row);
      position[a] = row;
    }
    ffn.order = assignment;
    ffn.offset = offset.data();
    ffn.position = position.data();
  }
};

at::Tensor forwardOnCpu(const at::Tensor& x, const at::Tensor& up, const at::Tensor& down, const at::Tensor& weight,
                        const at::Tensor& order, const at::Tensor& taken, c10::string_view activation, bool) {
  const Call call(x, up, down, weight, order, taken, activation);
  at::Tensor out = at::empty_like(call.x);
  expertFfnForward(call.ffn, cpuCapability(), out.mutable_data_ptr(), nullptr);
  return out;
}

class ExpertFfnFunction : public torch::autograd::Function<ExpertFfnFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& up, const at::Tensor& down,
                            const at::Tensor& weight, const at::Tensor& order, const at::Tensor& taken,
                            const std::string& activation, bool recompute) {
    const Call call(x, up, down, weight, order, taken, activation);
    at::Tensor out = at::empty_like(call.x);
    at::Tensor preactivation;
    if (!recompute) preactivation = emptyPreactivation(call);
    expertFfnForward(call.ffn, cpuCapability(), out.mutable_data_ptr(),
                     recompute ? nullptr : preactivation.mutable_data_ptr());
    context->save_for_backward({call.x, call.up, call.down, call.weight, call.order, taken, preactivation});
    context->saved_data["activation"] = activation;
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const std::string activation = context->saved_data["activation"].toStringRef();
    const Call call(saved[0], saved[1], saved[2], saved[3], saved[4], saved[5], activation);
    const at::Tensor grad = grads[0].contiguous();
    at::Tensor preactivation = saved[6];
    if (!preactivation.defined()) {
      // By the same steps as in the forward pass, so that the gradients are the same to the bit.
      preactivation = emptyPreactivation(call);
      expertFfnForward(call.ffn, cpuCapability(), nullptr, preactivation.mutable_data_ptr());
    }
    const auto wanted = [&](int input, const at::Tensor& like) {
      return context->needs_input_grad(input) ? at::empty_like(like) : at::Tensor();
    };
    const at::Tensor x = wanted(0, call.x), up = wanted(1, call.up), down = wanted(2, call.down),
                     weight = wanted(3, call.weight);
    const auto place = [](const at::Tensor& t) { return t.defined() ? t.mutable_data_ptr() : nullptr; };
    expertFfnBackward(call.ffn, cpuCapability(), grad.const_data_ptr(), preactivation.const_data_ptr(),
                      {place(x), place(up), place(down), static_cast<float*>(place(weight))});
    return {x, up, down, weight, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }

 private:
  static at::Tensor emptyPreactivation(const Call& call) {
    return at::empty({call.ffn.rows(), call.ffn.preactivationColumns()}, call.x.options());
  }
};

at::Tensor withAutograd(const at::Tensor& x, const at::Tensor& up, const at::Tensor& down, const at::Tensor& weight,
                        const at::Tensor& order, const at::Tensor& taken, c10::string_view activation,
                        bool recompute) {
  const bool recorded = at::GradMode::is_enabled() && (x.requires_grad() || up.requires_grad() || down.requires_grad() ||
                                                       weight.requires_grad());
  if (!recorded) {
    const at::AutoDispatchBelowADInplaceOrView below;
    return forwardOnCpu(x, up, down, weight, order, taken, activation, recompute);
  }
  return ExpertFfnFunction::apply(x, up, down, weight, order, taken, std::string(activation), recompute);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(moelab, library) {
  // `recompute`: keeps nothing of the size of the hidden layer for the backward pass, which computes it again.
  library.def(
      "expert_ffn(Tensor x, Tensor up, Tensor down, Tensor weight, Tensor order, Tensor taken, str activation, "
      "bool recompute=False) -> Tensor");
}

TORCH_LIBRARY_IMPL(moelab, CPU, library) { library.impl("expert_ffn", forwardOnCpu); }
TORCH_LIBRARY_IMPL(moelab, AutogradCPU, library) { library.impl("expert_ffn", withAutograd); }

}  // namespace moelab
