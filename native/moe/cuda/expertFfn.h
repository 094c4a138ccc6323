#pragma once

#include <cstddef>

#include "expertRows.h"

namespace moelab::cuda {

/// The experts of one MoE layer, from routing to combined output, as moelab::ExpertFfn (cpu/expertFfn.h) defines them, on
/// memory of the GPU. Nothing waits for the GPU.
struct ExpertFfn {
  Element element;
  FfnActivation activation;
  Routing routing;
  int64_t dim, hidden;
  const void* x;     // [T, dim]
  const void* up;    // [E, hidden, dim]; swiglu [E, 2 · hidden, dim], the gate's rows first
  const void* down;  // [E, dim, hidden]
  int32_t* failure;  // see failure.h

  int64_t width() const { return activation == FfnActivation::swiglu ? 2 * hidden : hidden; }
};

/// Bytes of scratch memory that the passes need, aligned to 256.
std::size_t expertFfnForwardBytes(const ExpertFfn&);
std::size_t expertFfnBackwardBytes(const ExpertFfn&, bool recompute);

/// @param preactivation  [rows, width] for the backward pass; null where it is not wanted
/// @param out            [T, dim], written whole
Status expertFfnForward(const ExpertFfn&, void* scratch, void* preactivation, void* out, Stream);

/// What the backward pass makes, each of `element` but weight, each written whole; null for what is not wanted.
struct ExpertFfnGradients {
  void *x, *up, *down;  // as in ExpertFfn
  float* weight;        // [T, choices]
};

/// @param gradOut        [T, dim]
/// @param preactivation  as the forward pass wrote it; null: computed again
Status expertFfnBackward(const ExpertFfn&, void* scratch, const void* gradOut, const void* preactivation,
                         const ExpertFfnGradients&, Stream);

}  // namespace moelab::cuda
