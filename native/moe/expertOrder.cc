#include "expertOrder.h"

#include <algorithm>
#include <vector>

namespace moelab {

int64_t expertOrder(const int64_t* expert, int64_t n, int64_t experts, int64_t capacity, int64_t* order, int64_t* load,
                    int64_t* taken) {
  std::fill_n(load, experts, 0);
  for (int64_t i = 0; i < n; ++i) {
    if (expert[i] < 0 || expert[i] >= experts) return -1 - i;
    ++load[expert[i]];
  }
  std::vector<int64_t> next(experts);
  std::vector<int64_t> end(experts);
  int64_t total = 0;
  for (int64_t e = 0; e < experts; ++e) {
    taken[e] = capacity < 0 ? load[e] : std::min(load[e], capacity);
    next[e] = total;
    total += taken[e];
    end[e] = total;
  }
  for (int64_t i = 0; i < n; ++i) {
    int64_t& position = next[expert[i]];
    if (position < end[expert[i]]) order[position++] = i;
  }
  return total;
}

}  // namespace moelab
