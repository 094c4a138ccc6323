#include "reference.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "optimizerStep.h"

namespace moelab {

namespace {

/// float32, or float64 for parameters that are.
at::Tensor wide(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kDouble ? tensor : tensor.to(at::kFloat);
}

at::Tensor weightOf(const ReferenceTensor& tensor) {
  return wide(tensor.master.defined() ? tensor.master : tensor.parameter);
}

at::Tensor mixed(at::Tensor x) {
  const auto low = [](const at::Tensor& bits) { return bits.bitwise_and(0xffffffffLL); };
  x = low(x);
  x = low(x.bitwise_xor(x.bitwise_right_shift(16)) * 0x7feb352dLL);
  x = low(x.bitwise_xor(x.bitwise_right_shift(15)) * 0x846ca68bLL);
  return x.bitwise_xor(x.bitwise_right_shift(16));
}

/// 32 random bits for each element, as int64.
at::Tensor randomBits(const at::Tensor& like, uint32_t key) {
  return mixed(at::arange(like.numel(), like.options().dtype(at::kLong)) + static_cast<int64_t>(key)).view(like.sizes());
}

void writeStochastically(const at::Tensor& to, const at::Tensor& values, const at::Tensor& random) {
  if (to.scalar_type() != at::kBFloat16) {
    to.copy_(values);
    return;
  }
  const at::Tensor bits = values.contiguous().view(at::kInt).to(at::kLong).bitwise_and(0xffffffffLL);
  const at::Tensor rounded = (bits + random.bitwise_and(0xffff)).bitwise_and(0xffff0000LL).to(at::kInt).view(at::kFloat);
  to.copy_(at::where(values.isnan(), values, rounded));
}

void writeWeight(const ReferenceTensor& tensor, const at::Tensor& weight) {
  if (tensor.master.defined()) {
    tensor.master.copy_(weight);
    tensor.parameter.copy_(weight);
  } else if (tensor.parameter.scalar_type() == at::kBFloat16) {
    writeStochastically(tensor.parameter, weight, randomBits(weight, mixedBits(tensor.key)));
  } else {
    tensor.parameter.copy_(weight);
  }
}

at::Tensor fullGradient(const ReferenceTensor& tensor, const at::Tensor& weight, double scale) {
  const at::Tensor gradient = tensor.gradient.to(weight.scalar_type()) * scale;
  return tensor.penalty == 0 ? gradient : gradient + weight * tensor.penalty;
}

}  // namespace

void adamReference(const ReferenceTensor& tensor, double beta1, double beta2, double eps, double gradientScale) {
  const at::Tensor weight = weightOf(tensor);
  const at::Tensor gradient = fullGradient(tensor, weight, gradientScale);
  const at::Tensor first = wide(tensor.first) * beta1 + gradient * (1 - beta1);
  const at::Tensor second = wide(tensor.second) * beta2 + gradient * gradient * (1 - beta2);
  const at::Tensor change = first * tensor.rate / (second.sqrt() * tensor.secondScale + eps);
  writeWeight(tensor, weight * tensor.weightFactor - change);
  const at::Tensor random = randomBits(weight, tensor.key);
  writeStochastically(tensor.first, first, random);
  writeStochastically(tensor.second, second, random.bitwise_right_shift(16));
}

void sgdReference(const ReferenceTensor& tensor, double momentum, double dampening, bool nesterov,
                  double gradientScale) {
  const at::Tensor weight = weightOf(tensor);
  at::Tensor direction = fullGradient(tensor, weight, gradientScale);
  if (tensor.first.defined()) {
    const at::Tensor average =
        tensor.begins ? direction : wide(tensor.first) * momentum + direction * (1 - dampening);
    direction = nesterov ? direction + average * momentum : average;
    writeStochastically(tensor.first, average, randomBits(weight, tensor.key));
  }
  writeWeight(tensor, weight * tensor.weightFactor - direction * tensor.rate);
}

}  // namespace moelab
