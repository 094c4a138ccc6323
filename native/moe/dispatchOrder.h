#pragma once

#include <cstdint>

namespace moelab {

/// What the experts of a layer are asked for. An assignment of token t and choice c has the number c·T + t, so that under a
/// capacity all first choices come before any second choice and, among equals, earlier tokens before later ones.
struct Assignments {
  const int64_t* experts;  // [T, choices], each in [0, count)
  int64_t tokens, choices, count;
  int64_t capacity = -1;            // assignments an expert takes at most of each group; negative for no limit
  int64_t groups = 1;               // runs of T / groups consecutive tokens, each with the capacity of its own
  const float* priority = nullptr;  // [T, choices]: under a capacity those with more come first, NaN before all
  const bool* kept = nullptr;       // [T, choices]: false for what is not asked of anyone
};

/// Which assignments are computed, by expert and within an expert by number. Plain memory and no tensors, so that every
/// backend can be checked against it.
///
/// order[T·choices]  out: numbers of those taken; only the first sum(taken) are written
/// load[count]       out: assignments each expert was asked for
/// taken[count]      out: assignments each expert takes
/// Returns the number taken, or -1 - i when experts[i] is out of range (`order` and `taken` are not written then).
int64_t dispatchOrder(const Assignments& asked, int64_t* order, int64_t* load, int64_t* taken);

}  // namespace moelab
