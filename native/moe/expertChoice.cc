#include "expertChoice.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

namespace moelab {

namespace {

/// Unsigned numbers in the order of values, NaN largest, 0 and −0 equal.
uint32_t sortable(float value) {
  if (std::isnan(value)) return UINT32_MAX;
  value += 0.0f;
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

}  // namespace

void chooseTokens(const ExpertChoice& choice, int64_t first, int64_t* chosen) {
  const int64_t T = choice.tokens, E = choice.experts, count = std::min(choosersAtOnce, E - first);
  std::vector<uint64_t> keys(T * count);
  for (int64_t t = 0; t < T; ++t) {
    for (int64_t i = 0; i < count; ++i)
      keys[i * T + t] = uint64_t{sortable(choice.scores[t * E + first + i])} << 32 | (UINT32_MAX - uint32_t(t));
  }
  for (int64_t i = 0; i < count; ++i) {
    const auto begin = keys.begin() + i * T;
    if (choice.each < T) std::nth_element(begin, begin + choice.each, begin + T, std::greater<>());
    for (int64_t j = 0; j < choice.each; ++j)
      chosen[(first + i) * choice.each + j] = UINT32_MAX - uint32_t(begin[j] & UINT32_MAX);
  }
}

ChoosersOfTokens choosersOfTokens(const ExpertChoice& choice, const int64_t* chosen) {
  const int64_t T = choice.tokens, E = choice.experts, total = E * choice.each;
  ChoosersOfTokens made{1, std::vector<int64_t>(T + 1, 0), std::vector<int64_t>(total)};
  for (int64_t i = 0; i < total; ++i) ++made.begin[chosen[i] + 1];
  for (int64_t t = 0; t < T; ++t) {
    made.most = std::max(made.most, made.begin[t + 1]);
    made.begin[t + 1] += made.begin[t];
  }
  std::vector<int64_t> next(made.begin.begin(), made.begin.end() - 1);
  for (int64_t e = 0; e < E; ++e) {
    for (int64_t j = 0; j < choice.each; ++j) made.experts[next[chosen[e * choice.each + j]]++] = e;
  }
  for (int64_t t = 0; t < T; ++t) {
    const float* const scores = choice.scores + t * E;
    std::stable_sort(made.experts.begin() + made.begin[t], made.experts.begin() + made.begin[t + 1],
                     [&](int64_t a, int64_t b) { return sortable(scores[a]) > sortable(scores[b]); });
  }
  return made;
}

}  // namespace moelab
