#include "dispatchOrder.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace moelab {

namespace {

/// The assignments of one expert and group, in the order in which they are taken: by priority, then by number.
struct Candidate {
  float priority;
  int64_t number;

  bool operator<(const Candidate& other) const {
    const bool nan = std::isnan(priority), otherNan = std::isnan(other.priority);
    if (nan != otherNan) return nan;
    if (!nan && priority != other.priority) return priority > other.priority;
    return number < other.number;
  }
};

class Buckets {
 public:
  explicit Buckets(const Assignments& asked)
      : asked(asked), groupSize(asked.groups > 1 ? asked.tokens / asked.groups : asked.tokens),
        asks(asked.groups * asked.count, 0) {}

  int64_t of(int64_t t, int64_t expert) const {
    return asked.groups > 1 ? t / groupSize * asked.count + expert : expert;
  }

  void ask(int64_t t, int64_t expert) { ++asks[of(t, expert)]; }

  int64_t takes(int64_t bucket) const {
    return asked.capacity < 0 ? asks[bucket] : std::min(asks[bucket], asked.capacity);
  }

  int64_t count() const { return asks.size(); }

  /// Marks what the buckets that are asked for too much refuse, those of lowest priority.
  std::vector<bool> refusedByPriority() const {
    std::vector<bool> refused(asked.tokens * asked.choices, false);
    std::vector<int64_t> end(count());
    int64_t total = 0;
    for (int64_t bucket = 0; bucket < count(); ++bucket) {
      end[bucket] = total;
      if (asks[bucket] > takes(bucket)) total += asks[bucket];
    }
    std::vector<Candidate> candidates(total);
    for (int64_t c = 0; c < asked.choices; ++c) {
      for (int64_t t = 0; t < asked.tokens; ++t) {
        const int64_t at = t * asked.choices + c;
        if (asked.kept && !asked.kept[at]) continue;
        const int64_t bucket = of(t, asked.experts[at]);
        if (asks[bucket] > takes(bucket)) candidates[end[bucket]++] = {asked.priority[at], c * asked.tokens + t};
      }
    }
    for (int64_t bucket = 0; bucket < count(); ++bucket) {
      if (asks[bucket] <= takes(bucket)) continue;
      const auto last = candidates.begin() + end[bucket], first = last - asks[bucket];
      const auto firstRefused = first + takes(bucket);
      std::nth_element(first, firstRefused, last);
      for (auto it = firstRefused; it != last; ++it) refused[it->number] = true;
    }
    return refused;
  }

 private:
  const Assignments& asked;
  const int64_t groupSize;
  std::vector<int64_t> asks;
};

}  // namespace

int64_t dispatchOrder(const Assignments& asked, int64_t* order, int64_t* load, int64_t* taken) {
  const int64_t T = asked.tokens, k = asked.choices, E = asked.count;
  Buckets buckets(asked);
  std::fill_n(load, E, 0);
  for (int64_t t = 0, at = 0; t < T; ++t) {
    for (int64_t c = 0; c < k; ++c, ++at) {
      const int64_t expert = asked.experts[at];
      if (expert < 0 || expert >= E) return -1 - at;
      if (asked.kept && !asked.kept[at]) continue;
      ++load[expert];
      if (asked.capacity >= 0) buckets.ask(t, expert);
    }
  }

  // Dropless: no buckets to look at.
  std::vector<int64_t> next(E), left;
  if (asked.capacity < 0) {
    std::copy_n(load, E, taken);
  } else {
    std::fill_n(taken, E, 0);
    left.resize(buckets.count());
    for (int64_t bucket = 0; bucket < buckets.count(); ++bucket) {
      left[bucket] = buckets.takes(bucket);
      taken[bucket % E] += left[bucket];
    }
  }
  int64_t rows = 0;
  for (int64_t e = 0; e < E; ++e) {
    next[e] = rows;
    rows += taken[e];
  }
  const bool byPriority = asked.capacity >= 0 && asked.priority;
  const std::vector<bool> refused = byPriority ? buckets.refusedByPriority() : std::vector<bool>();
  for (int64_t c = 0; c < k; ++c) {
    for (int64_t t = 0; t < T; ++t) {
      const int64_t at = t * k + c, expert = asked.experts[at];
      if (asked.kept && !asked.kept[at]) continue;
      if (byPriority) {
        if (refused[c * T + t]) continue;
      } else if (asked.capacity >= 0) {
        if (left[buckets.of(t, expert)]-- <= 0) continue;
      }
      order[next[expert]++] = c * T + t;
    }
  }
  return rows;
}

}  // namespace moelab
