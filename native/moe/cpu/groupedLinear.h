#pragma once

#include <cstdint>

#include "capability.h"
#include "element.h"

namespace moelab {

/// One matrix product for each expert e, out = x · weight_eᵀ over the rows from start[e], length[e] of them, on plain
/// memory. Runs do not overlap and lie within the matrices, which are row-major without gaps and of `element`. Sums are
/// made in float32, in an order that does not depend on the number of threads.
struct GroupedLinear {
  Element element;
  int64_t experts, inputs, outputs;
  const void* x;          // [rows, inputs]
  const void* weight;     // [E, outputs, inputs]
  const int64_t* start;   // [E]
  const int64_t* length;  // [E]
  int threads;
};

/// @param out [rows, outputs]; rows outside of the runs are not touched
void groupedLinearForward(const GroupedLinear& product, CpuCapability capability, void* out);

/// @param grad        [rows, outputs]
/// @param gradX       [rows, inputs], rows outside of the runs are not touched; null if not wanted
/// @param gradWeight  [E, outputs, inputs], written whole; null if not wanted
void groupedLinearBackward(const GroupedLinear& product, CpuCapability capability, const void* grad, void* gradX,
                           void* gradWeight);

}  // namespace moelab
