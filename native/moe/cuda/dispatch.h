#pragma once

#include <cstddef>
#include <cstdint>

#include "stream.h"

namespace moelab::cuda {

/// What the experts of a layer are asked for, as moelab::Assignments (dispatchOrder.h), on memory of the GPU.
struct Assignments {
  const int64_t* experts;  // [T, choices], each in [0, count)
  int64_t tokens, choices, count;
  int64_t capacity = -1;
  int64_t groups = 1;
  const int64_t* sequence = nullptr;  // [T · choices] numbers in the order in which they are taken under a capacity
  const bool* kept = nullptr;         // [T, choices]

  int64_t number() const { return tokens * choices; }
};

/// Most count · groups that there are kernels for.
constexpr int64_t mostBuckets = 4096;

std::size_t dispatchBytes(const Assignments&);

/// Which assignments are computed, by expert and within an expert by number, always the same.
/// @param scratch  dispatchBytes, aligned to 256
/// @param order    [T · choices] numbers of those taken, -1 behind them
/// @param load     [count] assignments each expert was asked for
/// @param taken    [count] assignments each expert takes
/// @param failure  see failure.h; assignments of experts that there are not are taken by none
Status dispatch(const Assignments&, void* scratch, int64_t* order, int64_t* load, int64_t* taken, int32_t* failure, Stream);

}  // namespace moelab::cuda
