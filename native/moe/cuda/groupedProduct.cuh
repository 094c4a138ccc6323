#pragma once

// The kernel of all grouped products, and its launch for one element type (see groupedProduct.h for what they compute).

#include "productFloat.cuh"
#include "productHalf.cuh"
#include "productResults.cuh"

namespace moelab::cuda {

template <class T, Form form, int tileRows, bool aligned>
using MainLoop = std::conditional_t<std::is_same_v<T, float>, FloatProduct<form, std::is_same_v<T, float> ? tileRows : 64, aligned>,
                                    HalfProduct<T, form, tileRows, aligned>>;

template <class T, Form form, Result result, int tileRows, bool aligned>
__global__ void __launch_bounds__(productThreads) groupedProduct(const Problem problem) {
  Operands<T, form> tile(problem, blockIdx.x);
  tile.template placeRows<tileRows>();
  if (tile.rows <= 0) return;
  MainLoop<T, form, tileRows, aligned>::run(tile);
  if constexpr (result == Result::activated) activateResult<T, tileRows, aligned>(tile);
  else if constexpr (result == Result::activatedBackward) activateResultBackward<T, tileRows, aligned>(tile);
  else storeResult<T, form, tileRows, aligned>(tile);
}

template <class T, Form form, Result result, int tileRows, bool aligned>
Status launchProduct(const Problem& problem, int64_t blocks, Stream stream) {
  return launch(groupedProduct<T, form, result, tileRows, aligned>, blocks, productThreads,
                MainLoop<T, form, tileRows, aligned>::sharedBytes, stream, problem);
}

/// @param tileRows  128 only where `aligned`
template <class T, Form form, Result result>
Status launchGroupedProduct(const Problem& problem, int64_t blocks, int tileRows, bool aligned, Stream stream) {
  if (!aligned) return launchProduct<T, form, result, 64, false>(problem, blocks, stream);
  if constexpr (!std::is_same_v<T, float>) {
    if (tileRows == 128) return launchProduct<T, form, result, 128, true>(problem, blocks, stream);
  }
  return launchProduct<T, form, result, 64, true>(problem, blocks, stream);
}

/// All that are compiled for a type, in a file for each.
#define MOELAB_GROUPED_PRODUCTS(prefix, T)                                                                              \
  prefix template Status launchGroupedProduct<T, Form::weights, Result::stored>(const Problem&, int64_t, int, bool, Stream); \
  prefix template Status launchGroupedProduct<T, Form::weights, Result::activated>(const Problem&, int64_t, int, bool, Stream); \
  prefix template Status launchGroupedProduct<T, Form::transposed, Result::stored>(const Problem&, int64_t, int, bool, Stream); \
  prefix template Status launchGroupedProduct<T, Form::transposed, Result::activatedBackward>(const Problem&, int64_t, int, bool, Stream); \
  prefix template Status launchGroupedProduct<T, Form::outer, Result::stored>(const Problem&, int64_t, int, bool, Stream);

}  // namespace moelab::cuda
