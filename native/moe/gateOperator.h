#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/string_view.h>

#include <optional>
#include <tuple>

namespace moelab {

enum class Scoring { softmax, sigmoid };

/// The options of moelab::gate, checked; see its schema.
struct GateOptions {
  int64_t choices;
  std::optional<at::Tensor> bias;
  Scoring scoring;
  bool renormalise;
  double scale;
  int64_t expertGroups, topGroups;
  int64_t capacity, groups;
  bool byWeight;

  /// Whether the order of the logits is that of the scores by which experts are chosen.
  bool choosesByLogits() const { return !bias && topGroups == expertGroups; }
};

Scoring scoringNamed(c10::string_view name);

/// The arguments of moelab::gate as options.
/// @throws ValueError or TypeError for what the schema does not allow
GateOptions checkedGateOptions(const at::Tensor& logits, int64_t k, const std::optional<at::Tensor>& bias,
                               c10::string_view scoring, bool renormalise, double scale, int64_t expertGroups,
                               int64_t topGroups, int64_t capacity, int64_t groups, bool byWeight);

/// experts, weights, probabilities, probability_sums, load, first_load, order, taken.
using Gated = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

/// From PyTorch's operators, on any device and in any floating point type.
Gated gateReference(const at::Tensor& logits, const GateOptions& options);

/// What the backward pass gets; gradients that are not there are undefined.
struct GateGradients {
  at::Tensor weights, probabilities, sums;
};

/// What the forward pass had and made.
struct GateSaved {
  at::Tensor logits, experts, weights, probabilities;
  Scoring scoring;
  bool renormalise;
  double scale;
};

/// The gradient of the logits.
at::Tensor gateBackwardReference(const GateGradients& gradients, const GateSaved& saved);

Gated gateOnCpu(const at::Tensor& logits, const GateOptions& options);
at::Tensor gateBackwardOnCpu(const GateGradients& gradients, const GateSaved& saved);

}  // namespace moelab
