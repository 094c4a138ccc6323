#pragma once

#include <cstdint>
#include <vector>

namespace moelab {

/// Experts choose tokens (arXiv 2202.09368), on plain memory.
struct ExpertChoice {
  const float* scores;  // [T, E]
  int64_t tokens, experts;
  int64_t each;  // tokens an expert takes, at most T
};

/// Experts per call of {@link chooseTokens}: their scores share cache lines.
constexpr int64_t choosersAtOnce = 16;

/// The tokens of largest score of experts first … first + choosersAtOnce, to chosen [E, each], in no order. Of equal scores
/// earlier tokens' are larger, NaN larger than any number.
void chooseTokens(const ExpertChoice& choice, int64_t first, int64_t* chosen);

/// The same by token: how many experts the most wanted token has, at least 1, and where the experts of each begin and which
/// they are, best first.
struct ChoosersOfTokens {
  int64_t most;
  std::vector<int64_t> begin;    // [T + 1]
  std::vector<int64_t> experts;  // [E · each]
};
ChoosersOfTokens choosersOfTokens(const ExpertChoice& choice, const int64_t* chosen);

}  // namespace moelab
