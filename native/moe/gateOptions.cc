#include <cmath>

#include "gateOperator.h"

namespace moelab {

Scoring scoringNamed(c10::string_view name) {
  if (name == "softmax") return Scoring::softmax;
  if (name == "sigmoid") return Scoring::sigmoid;
  TORCH_CHECK_VALUE(false, "scoring: expected \"softmax\" or \"sigmoid\", got \"", name, "\"");
}

GateOptions checkedGateOptions(const at::Tensor& logits, int64_t k, const std::optional<at::Tensor>& bias,
                               c10::string_view scoring, bool renormalise, double scale, int64_t expertGroups,
                               int64_t topGroups, int64_t capacity, int64_t groups, bool byWeight) {
  TORCH_CHECK_VALUE(logits.dim() == 2 && logits.size(1) > 0, "logits: expected shape [tokens, experts], got ",
                    logits.sizes());
  TORCH_CHECK_TYPE(at::isFloatingType(logits.scalar_type()), "logits: expected a floating point type, got ",
                   logits.scalar_type());
  const int64_t tokens = logits.size(0), experts = logits.size(1);
  TORCH_CHECK_VALUE(k > 0 && k <= experts, "k: expected 1 to the ", experts, " experts, got ", k);
  if (bias) {
    TORCH_CHECK_VALUE(bias->dim() == 1 && bias->size(0) == experts, "bias: expected shape [", experts, "], got ",
                      bias->sizes());
    TORCH_CHECK_TYPE(at::isFloatingType(bias->scalar_type()), "bias: expected a floating point type, got ",
                     bias->scalar_type());
    TORCH_CHECK_VALUE(bias->device() == logits.device(), "bias: expected it on ", logits.device(), ", got ",
                      bias->device());
  }
  TORCH_CHECK_VALUE(scale > 0 && std::isfinite(scale), "scale: expected a positive number, got ", scale);
  TORCH_CHECK_VALUE(expertGroups > 0 && experts % expertGroups == 0, "expert_groups: expected a divisor of the ",
                    experts, " experts, got ", expertGroups);
  TORCH_CHECK_VALUE(topGroups > 0 && topGroups <= expertGroups && topGroups * (experts / expertGroups) >= k,
                    "top_groups: expected at most the ", expertGroups, " expert_groups, with ", k,
                    " experts or more in them, got ", topGroups);
  TORCH_CHECK_VALUE(groups > 0 && tokens % groups == 0, "groups: expected a divisor of the ", tokens, " tokens, got ",
                    groups);
  return {k,      bias ? std::optional<at::Tensor>(bias->detach()) : bias, scoringNamed(scoring), renormalise, scale, expertGroups,
          topGroups, capacity, groups, byWeight};
}

}  // namespace moelab
