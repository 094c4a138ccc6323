// moelab::rms_norm, rotary, linear_few_rows and attend_one: what surrounds the experts in a decoder, on the CPU. See decoder.h.

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <vector>

#include "decoder.h"

namespace moelab {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

RowElement elementOf(const at::Tensor& x, const char* name) {
  if (x.scalar_type() == at::kFloat) return RowElement::float32;
  if (x.scalar_type() == at::kBFloat16) return RowElement::bfloat16;
  TORCH_CHECK_TYPE(false, name, ": expected float32 or bfloat16, got ", x.scalar_type());
}

/// The checked arguments of a norm, and what the kernel needs of them in plain memory.
struct Norm {
  at::Tensor x, weight;
  RmsNorm norm;

  Norm(const at::Tensor& x_, const at::Tensor& weight_, double eps) : x(x_.contiguous()) {
    TORCH_CHECK_VALUE(x.dim() >= 1, "x: expected at least one dimension, got none");
    norm.element = elementOf(x, "x");
    norm.dim = x.size(-1);
    norm.rows = norm.dim == 0 ? 0 : x.numel() / norm.dim;
    norm.x = x.const_data_ptr();
    norm.weight = nullptr;
    if (weight_.defined()) {
      TORCH_CHECK_VALUE(weight_.dim() == 1 && weight_.size(0) == norm.dim, "weight: expected shape [", norm.dim,
                        "], got ", weight_.sizes());
      elementOf(weight_, "weight");
      weight = weight_.to(at::kFloat).contiguous();
      norm.weight = weight.const_data_ptr<float>();
    }
    norm.eps = static_cast<float>(eps);
    norm.threads = at::get_num_threads();
  }

  at::Tensor forward(float* factor) const {
    at::Tensor y = at::empty_like(x);
    rmsNormForward(norm, cpuCapability(), y.mutable_data_ptr(), factor);
    return y;
  }
};

at::Tensor rmsNormOnCpu(const at::Tensor& x, const std::optional<at::Tensor>& weight, double eps) {
  return Norm(x, weight.value_or(at::Tensor()), eps).forward(nullptr);
}

class RmsNormFunction : public torch::autograd::Function<RmsNormFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight, double eps) {
    const Norm call(x, weight, eps);
    at::Tensor factor = at::empty({call.norm.rows}, call.x.options().dtype(at::kFloat));
    at::Tensor y = call.forward(factor.mutable_data_ptr<float>());
    context->save_for_backward({call.x, weight, factor});
    context->saved_data["eps"] = eps;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& weight = saved[1];
    const Norm call(saved[0], weight, context->saved_data["eps"].toDouble());
    const at::Tensor grad = grads[0].to(call.x.scalar_type()).contiguous();
    at::Tensor gradX, parts, gradWeight;
    if (context->needs_input_grad(0)) gradX = at::empty_like(call.x);
    if (context->needs_input_grad(1)) {
      parts = at::empty({call.norm.parts(), call.norm.dim}, call.x.options().dtype(at::kFloat));
    }
    rmsNormBackward(call.norm, cpuCapability(), grad.const_data_ptr(), saved[2].const_data_ptr<float>(),
                    gradX.defined() ? gradX.mutable_data_ptr() : nullptr,
                    parts.defined() ? parts.mutable_data_ptr<float>() : nullptr);
    if (parts.defined()) gradWeight = parts.sum(0).to(weight.scalar_type());
    return {gradX, gradWeight, at::Tensor()};
  }
};

at::Tensor rmsNormWithAutograd(const at::Tensor& x, const std::optional<at::Tensor>& weight, double eps) {
  const at::Tensor scale = weight.value_or(at::Tensor());
  if (at::GradMode::is_enabled() && (x.requires_grad() || (scale.defined() && scale.requires_grad()))) {
    return RmsNormFunction::apply(x, scale, eps);
  }
  const at::AutoDispatchBelowADInplaceOrView below;
  return rmsNormOnCpu(x, weight, eps);
}

/// @param offset  position of the first of x's
at::Tensor turned(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, int64_t offset, bool inverse) {
  TORCH_CHECK_VALUE(x.dim() == 4 && x.size(3) > 0 && x.size(3) % 2 == 0,
                    "x: expected shape [batch, heads, length, an even headDim], got ", x.sizes());
  const int64_t length = x.size(2), headDim = x.size(3);
  for (const auto& [table, name] : {std::pair{cos, "cos"}, std::pair{sin, "sin"}}) {
    TORCH_CHECK_TYPE(table.scalar_type() == at::kFloat, name, ": expected float32, got ", table.scalar_type());
    TORCH_CHECK_VALUE(table.dim() == 2 && table.size(1) == headDim && table.is_contiguous(), name,
                      ": expected a contiguous table [positions, ", headDim, "], got ", table.sizes());
    TORCH_CHECK_INDEX(offset >= 0 && offset + length <= table.size(0), name, ": positions ", offset, " to ",
                      offset + length - 1, " are asked for, it has ", table.size(0));
  }
  const at::Tensor from = x.stride(3) == 1 ? x : x.contiguous();
  at::Tensor y = at::empty_like(from);
  Rotary turn;
  turn.element = elementOf(x, "x");
  turn.batch = x.size(0), turn.heads = x.size(1), turn.length = length, turn.headDim = headDim;
  turn.x = from.const_data_ptr();
  turn.y = y.mutable_data_ptr();
  for (int i = 0; i < 3; ++i) turn.stride[i] = from.stride(i), turn.strideY[i] = y.stride(i);
  turn.cos = cos.const_data_ptr<float>() + offset * headDim;
  turn.sin = sin.const_data_ptr<float>() + offset * headDim;
  turn.inverse = inverse;
  turn.threads = at::get_num_threads();
  rotary(turn, cpuCapability());
  return y;
}

at::Tensor rotaryOnCpu(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, int64_t offset) {
  return turned(x, cos, sin, offset, false);
}

class RotaryFunction : public torch::autograd::Function<RotaryFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin,
                            int64_t offset) {
    context->save_for_backward({cos, sin});
    context->saved_data["offset"] = offset;
    return turned(x, cos, sin, offset, false);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    return {turned(grads[0], saved[0], saved[1], context->saved_data["offset"].toInt(), true), at::Tensor(),
            at::Tensor(), at::Tensor()};
  }
};

at::Tensor rotaryWithAutograd(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, int64_t offset) {
  if (at::GradMode::is_enabled() && x.requires_grad()) return RotaryFunction::apply(x, cos, sin, offset);
  const at::AutoDispatchBelowADInplaceOrView below;
  return rotaryOnCpu(x, cos, sin, offset);
}

std::vector<at::Tensor> linearFewRows(const at::Tensor& x, at::TensorList weights) {
  TORCH_CHECK_VALUE(x.dim() >= 1 && x.size(-1) > 0, "x: expected shape [..., inputs], got ", x.sizes());
  const at::Tensor from = x.contiguous();
  FewRows few;
  few.element = elementOf(x, "x");
  few.inputs = x.size(-1);
  few.rows = x.numel() / few.inputs;
  TORCH_CHECK_VALUE(few.rows >= 1 && few.rows <= FewRows::mostRows, "x: expected 1 to ", FewRows::mostRows,
                    " rows, got ", few.rows);
  few.x = from.const_data_ptr();
  few.threads = at::get_num_threads();
  std::vector<at::Tensor> held, results;
  std::vector<FewRows::Product> products;
  for (const at::Tensor& weight : weights) {
    TORCH_CHECK_VALUE(weight.dim() == 2 && weight.size(1) == few.inputs, "weights: expected shape [outputs, ",
                      few.inputs, "], got ", weight.sizes());
    TORCH_CHECK_TYPE(weight.scalar_type() == x.scalar_type(), "weights: expected the type of x, ", x.scalar_type(),
                     ", got ", weight.scalar_type());
    held.push_back(weight.contiguous());
    auto shape = x.sizes().vec();
    shape.back() = weight.size(0);
    results.push_back(at::empty(shape, from.options()));
    products.push_back({held.back().const_data_ptr(), weight.size(0), results.back().mutable_data_ptr()});
  }
  few.products = products.data();
  few.count = static_cast<int64_t>(products.size());
  multiplyFewRows(few, cpuCapability());
  return results;
}

std::vector<at::Tensor> linearFewRowsWithAutograd(const at::Tensor& x, at::TensorList weights) {
  bool recorded = x.requires_grad();
  for (const at::Tensor& weight : weights) recorded = recorded || weight.requires_grad();
  TORCH_CHECK(!(recorded && at::GradMode::is_enabled()),
              "linear_few_rows has no gradient: call it without gradient mode, or aten::linear");
  const at::AutoDispatchBelowADInplaceOrView below;
  return linearFewRows(x, weights);
}

at::Tensor attendOneOnCpu(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values) {
  TORCH_CHECK_VALUE(query.dim() == 4 && query.size(2) == 1 && query.size(3) > 0,
                    "query: expected shape [batch, heads, 1, headDim], got ", query.sizes());
  TORCH_CHECK_VALUE(keys.dim() == 4 && keys.size(0) == query.size(0) && keys.size(3) == query.size(3) &&
                        keys.size(1) > 0 && keys.size(2) > 0 && query.size(1) % keys.size(1) == 0,
                    "keys: expected shape [", query.size(0), ", a divisor of ", query.size(1), ", length, ",
                    query.size(3), "], got ", keys.sizes());
  TORCH_CHECK_VALUE(values.sizes() == keys.sizes(), "values: expected the shape of keys, ", keys.sizes(), ", got ",
                    values.sizes());
  TORCH_CHECK_TYPE(keys.scalar_type() == query.scalar_type() && values.scalar_type() == query.scalar_type(),
                   "keys and values: expected the type of query, ", query.scalar_type(), ", got ", keys.scalar_type(),
                   " and ", values.scalar_type());
  const auto inRows = [](const at::Tensor& x) { return x.stride(3) == 1 || x.size(3) == 1 ? x : x.contiguous(); };
  const at::Tensor q = inRows(query), k = inRows(keys), v = inRows(values);
  at::Tensor out = at::empty(query.sizes(), query.options());
  OneQuery attention;
  attention.element = elementOf(query, "query");
  attention.batch = q.size(0), attention.heads = q.size(1), attention.kvHeads = k.size(1);
  attention.length = k.size(2), attention.headDim = q.size(3);
  attention.query = q.const_data_ptr(), attention.keys = k.const_data_ptr(), attention.values = v.const_data_ptr();
  attention.out = out.mutable_data_ptr();
  for (int i = 0; i < 3; ++i) {
    attention.queryStride[i] = q.stride(i), attention.keyStride[i] = k.stride(i), attention.valueStride[i] = v.stride(i);
  }
  attention.threads = at::get_num_threads();
  attendOne(attention, cpuCapability());
  return out;
}

at::Tensor attendOneWithAutograd(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values) {
  TORCH_CHECK(!at::GradMode::is_enabled() || !(query.requires_grad() || keys.requires_grad() || values.requires_grad()),
              "attend_one has no gradient: call it without gradient mode, or aten::scaled_dot_product_attention");
  const at::AutoDispatchBelowADInplaceOrView below;
  return attendOneOnCpu(query, keys, values);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(moelab, library) {
  library.def("rms_norm(Tensor x, Tensor? weight, float eps) -> Tensor");
  library.def("rotary(Tensor x, Tensor cos, Tensor sin, int offset) -> Tensor");
  library.def("linear_few_rows(Tensor x, Tensor[] weights) -> Tensor[]");
  library.def("attend_one(Tensor query, Tensor keys, Tensor values) -> Tensor");
}

TORCH_LIBRARY_IMPL(moelab, CPU, library) {
  library.impl("rms_norm", rmsNormOnCpu);
  library.impl("rotary", rotaryOnCpu);
  library.impl("linear_few_rows", linearFewRows);
  library.impl("attend_one", attendOneOnCpu);
}

TORCH_LIBRARY_IMPL(moelab, AutogradCPU, library) {
  library.impl("rms_norm", rmsNormWithAutograd);
  library.impl("rotary", rotaryWithAutograd);
  library.impl("linear_few_rows", linearFewRowsWithAutograd);
  library.impl("attend_one", attendOneWithAutograd);
}

}  // namespace moelab
