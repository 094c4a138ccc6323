#pragma once

#include <cstdint>

#include "capability.h"
#include "element.h"

namespace moelab {

/// Tokens as the rows of their experts and back, on plain memory. An assignment of token t and choice c has the number
/// c·T + t. All matrices are row-major without gaps.
struct RowMoves {
  Element element;
  int64_t tokens, choices, dim;
  int64_t stored;           // rows of the tensors that hold them
  const int64_t* position;  // [choices·T] stored row of each assignment, -1 where it has none
  const int64_t* number;    // [stored] assignment of each row, -1 in gaps
  const float* weight;      // [T, choices], null for 1
  int threads;
};

/// Each row weight · its token's of `from` [T, dim], gaps 0. `to`: [stored, dim], written whole.
void scatterRows(const RowMoves& moves, CpuCapability capability, const void* from, void* to);

/// Each token Σ weight · row over its rows, in the order of its choices. `to`: [T, dim], written whole.
void gatherRows(const RowMoves& moves, CpuCapability capability, const void* from, void* to);

/// ⟨grad of the token, row⟩ of each assignment, 0 without a row. `to`: [T, choices], written whole.
void multiplyRows(const RowMoves& moves, CpuCapability capability, const void* grad, const void* rows, float* to);

}  // namespace moelab
