#pragma once

#include <cstdint>

#include "capability.h"
#include "element.h"

namespace moelab {

enum class FfnActivation { gelu, swiglu };

/// The experts of one MoE layer on T tokens, from routing to combined output, on plain memory:
///
///   out[t] = Σ_c weight[t, c] · down_e · activation(up_e · x[t]),   e = expert of assignment (t, c)
///
/// An assignment of token t and choice c has the number c·T + t. Rows are the assignments that are computed, in runs, the
/// first of expert 0. All matrices are row-major without gaps; x, up, down, out and preactivation are of `element`.
/// Every sum has a fixed order: results do not depend on the number of threads.
struct ExpertFfn {
  Element element;
  FfnActivation activation;
  int64_t tokens, choices, experts, dim, hidden;
  const void* x;            // [T, dim]
  const void* up;           // [E, hidden, dim]; swiglu [E, 2·hidden, dim], the gate's rows first
  const void* down;         // [E, dim, hidden]
  const float* weight;      // [T, choices]
  const int64_t* order;     // [rows] assignment of each row
  const int64_t* position;  // [choices·T] row of each assignment, -1 where it is not computed
  const int64_t* offset;    // [E + 1] first row of each expert
  int threads;

  int64_t rows() const { return offset[experts]; }
  int64_t width() const { return activation == FfnActivation::swiglu ? 2 * hidden : hidden; }

  /// Preactivations are kept as up_e · x of each row, in blocks of so many columns; `width` is padded for it.
  static constexpr int64_t preactivationBlock = 32;
  int64_t preactivationColumns() const {
    const int64_t padded = (hidden + preactivationBlock - 1) / preactivationBlock * preactivationBlock;
    return activation == FfnActivation::swiglu ? 2 * padded : padded;
  }
};

/// @param out            [T, dim], written whole; null when only the preactivations are wanted
/// @param preactivation  rows · preactivationColumns elements for the backward pass; null when there will be none
void expertFfnForward(const ExpertFfn& ffn, CpuCapability capability, void* out, void* preactivation);

/// What the backward pass makes, each of `element` but gradWeight, each written whole; null for what is not wanted.
struct ExpertFfnGradients {
  void* x;        // [T, dim]
  void* up;       // as ExpertFfn::up
  void* down;     // as ExpertFfn::down
  float* weight;  // [T, choices]
};

/// @param gradOut        [T, dim]
/// @param preactivation  as the forward pass wrote it
void expertFfnBackward(const ExpertFfn& ffn, CpuCapability capability, const void* gradOut, const void* preactivation,
                       const ExpertFfnGradients& gradients);

}  // namespace moelab
