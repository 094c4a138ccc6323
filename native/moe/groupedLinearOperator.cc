// moelab::grouped_linear: one matrix product for each expert, with autograd.

#include "groupedLinearOperator.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "cpu/capability.h"
#include "cpu/groupedLinear.h"

namespace moelab {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Pair = std::tuple<at::Tensor, at::Tensor>;

void checkProduct(const at::Tensor& x, const at::Tensor& weight, const ExpertRows& rows) {
  TORCH_CHECK_TYPE(at::isFloatingType(x.scalar_type()) && weight.scalar_type() == x.scalar_type(),
                   "x and weight: expected one floating point type, got ", x.scalar_type(), " and ", weight.scalar_type());
  TORCH_CHECK_VALUE(weight.dim() == 3 && weight.size(0) == rows.experts(), "weight: expected shape [", rows.experts(),
                    ", out, in], got ", weight.sizes());
  rows.check("x", x);
  TORCH_CHECK_VALUE(x.size(1) == weight.size(2), "x: expected ", weight.size(2), " columns as weight has, got shape ",
                    x.sizes());
  TORCH_CHECK_VALUE(x.device() == weight.device(), "x and weight: expected one device, got ", x.device(), " and ",
                    weight.device());
}

template <at::Tensor (*product)(const at::Tensor&, const at::Tensor&, const ExpertRows&)>
at::Tensor groupedLinear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& taken, int64_t padded) {
  const ExpertRows rows(taken, padded);
  checkProduct(x, weight, rows);
  return product(x, weight, rows);
}

template <Pair (*gradients)(const at::Tensor&, const at::Tensor&, const at::Tensor&, const ExpertRows&, bool, bool)>
Pair groupedLinearBackward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight,
                           const at::Tensor& taken, int64_t padded, std::array<bool, 2> mask) {
  const ExpertRows rows(taken, padded);
  checkProduct(x, weight, rows);
  TORCH_CHECK_VALUE(grad.dim() == 2 && grad.size(0) == x.size(0) && grad.size(1) == weight.size(1),
                    "grad: expected shape [", x.size(0), ", ", weight.size(1), "], got ", grad.sizes());
  TORCH_CHECK_TYPE(grad.scalar_type() == x.scalar_type(), "grad: expected the type of x, ", x.scalar_type(), ", got ",
                   grad.scalar_type());
  return gradients(grad, x, weight, rows, mask[0], mask[1]);
}

using Forward = at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, int64_t);
using Backward = Pair(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, int64_t,
                      std::array<bool, 2>);

class GroupedLinearFunction : public torch::autograd::Function<GroupedLinearFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& taken, int64_t padded) {
    static const auto product =
        c10::Dispatcher::singleton().findSchemaOrThrow("moelab::grouped_linear", "").typed<Forward>();
    const at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({x, weight, taken});
    context->saved_data["padded"] = padded;
    return product.call(x, weight, taken, padded);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    static const auto gradients =
        c10::Dispatcher::singleton().findSchemaOrThrow("moelab::grouped_linear_backward", "").typed<Backward>();
    const auto saved = context->get_saved_variables();
    const auto [x, weight] =
        gradients.call(grads[0], saved[0], saved[1], saved[2], context->saved_data["padded"].toInt(),
                       {context->needs_input_grad(0), context->needs_input_grad(1)});
    return {x, weight, at::Tensor(), at::Tensor()};
  }
};

at::Tensor groupedLinearWithAutograd(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& taken,
                                     int64_t padded) {
  return GroupedLinearFunction::apply(x, weight, taken, padded);
}

}  // namespace

namespace {

bool hasKernel(const at::Tensor& t) { return t.scalar_type() == at::kFloat || t.scalar_type() == at::kBFloat16; }

GroupedLinear plainProduct(const at::Tensor& x, const at::Tensor& weight, const ExpertRows& rows) {
  return {x.scalar_type() == at::kFloat ? Element::float32 : Element::bfloat16,
          weight.size(0),
          weight.size(2),
          weight.size(1),
          x.const_data_ptr(),
          weight.const_data_ptr(),
          rows.starts.data(),
          rows.lengths.data(),
          at::get_num_threads()};
}

at::Tensor emptyRows(const ExpertRows& rows, int64_t columns, const at::TensorOptions& options) {
  return rows.hasGaps() ? at::zeros({rows.stored(), columns}, options) : at::empty({rows.stored(), columns}, options);
}

}  // namespace

at::Tensor groupedLinearOnCpu(const at::Tensor& x, const at::Tensor& weight, const ExpertRows& rows) {
  if (!hasKernel(x)) return groupedLinearReference(x, weight, rows);
  const at::Tensor input = x.contiguous(), weights = weight.contiguous();
  at::Tensor out = emptyRows(rows, weight.size(1), x.options());
  groupedLinearForward(plainProduct(input, weights, rows), cpuCapability(), out.mutable_data_ptr());
  return out;
}

Pair groupedLinearBackwardOnCpu(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight,
                                const ExpertRows& rows, bool wantsX, bool wantsWeight) {
  if (!hasKernel(x)) return groupedLinearBackwardReference(grad, x, weight, rows, wantsX, wantsWeight);
  const at::Tensor input = x.contiguous(), weights = weight.contiguous(), given = grad.contiguous();
  at::Tensor gradX, gradWeight;
  if (wantsX) gradX = emptyRows(rows, x.size(1), x.options());
  if (wantsWeight) gradWeight = at::empty_like(weights);
  groupedLinearBackward(plainProduct(input, weights, rows), cpuCapability(), given.const_data_ptr(),
                        wantsX ? gradX.mutable_data_ptr() : nullptr,
                        wantsWeight ? gradWeight.mutable_data_ptr() : nullptr);
  return {gradX, gradWeight};
}

TORCH_LIBRARY_FRAGMENT(moelab, library) {
  // x: [rows, in] in runs, the first of expert 0 (as of moelab::permute); weight: [E, out, in]; taken: length of each run,
  // int64 [E]; -> [rows, out]. Padded rows are not read and become zeros.
  library.def("grouped_linear(Tensor x, Tensor weight, Tensor taken, int padded=0) -> Tensor");
  library.def(
      "grouped_linear_backward(Tensor grad, Tensor x, Tensor weight, Tensor taken, int padded, bool[2] output_mask) -> "
      "(Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(moelab, CPU, library) {
  library.impl("grouped_linear", groupedLinear<groupedLinearOnCpu>);
  library.impl("grouped_linear_backward", groupedLinearBackward<groupedLinearBackwardOnCpu>);
}

TORCH_LIBRARY_IMPL(moelab, CompositeExplicitAutograd, library) {
  library.impl("grouped_linear", groupedLinear<groupedLinearReference>);
  library.impl("grouped_linear_backward", groupedLinearBackward<groupedLinearBackwardReference>);
}

TORCH_LIBRARY_IMPL(moelab, Autograd, library) { library.impl("grouped_linear", groupedLinearWithAutograd); }

}  // namespace moelab
