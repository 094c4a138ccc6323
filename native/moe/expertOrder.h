#pragma once

#include <cstdint>

namespace moelab {

/// Groups assignments by expert, in a stable counting sort: the order of assignments is kept within an expert, and
/// with a capacity the earlier ones win. Plain memory and no tensors, so that every backend can be checked against it.
///
/// expert[n]       expert of each assignment, in [0, experts)
/// capacity        assignments an expert takes at most; negative for no limit
/// order[n]        out: indices of the assignments taken, by expert; only the first sum(taken) are written
/// load[experts]   out: assignments each expert was given
/// taken[experts]  out: assignments each expert takes, min(load, capacity)
/// Returns the number taken, or -1 - i when expert[i] is out of range (nothing is written to `order` then).
int64_t expertOrder(const int64_t* expert, int64_t n, int64_t experts, int64_t capacity, int64_t* order, int64_t* load,
                    int64_t* taken);

}  // namespace moelab
