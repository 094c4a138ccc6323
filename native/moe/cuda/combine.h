#pragma once

#include "element.h"
#include "expertRows.h"

namespace moelab::cuda {

/// out[row] = weight[row] · x[token[row]], zeros where the token is -1.
/// @param weight  [rows], or null for 1
Status gatherRows(Element, const void* x, const int32_t* token, const float* weight, int64_t rows, int64_t columns,
                  void* out, Stream);

/// out[t] = Σ_c weight[t, c] · rows[position[c · tokens + t]], in the order of the choices; zeros for tokens without rows.
/// @param weight  [tokens, choices], or null for 1
Status combineRows(Element, const void* rows, const int32_t* position, const float* weight, int64_t tokens,
                   int64_t choices, int64_t columns, void* out, Stream);

/// gradWeight[t, c] = ⟨rows[position[c · tokens + t]], gradOut[t]⟩, 0 without a row.
Status combineWeightGradient(Element, const void* rows, const void* gradOut, const int32_t* position, int64_t tokens,
                             int64_t choices, int64_t columns, float* gradWeight, Stream);

/// gradWeight[t, c] = Σ_part weightParts[part, position[c · tokens + t]], 0 without a row.
Status sumWeightParts(const float* weightParts, int64_t count, int64_t rows, const int32_t* position, int64_t tokens,
                      int64_t choices, float* gradWeight, Stream);

}  // namespace moelab::cuda
