#pragma once

#include <cstdint>

#include "stream.h"

namespace moelab::cuda {

/// What kernels find wrong with indices that only the GPU has read. They leave out such indices and put a code where the
/// host sees it (`failure`, memory that both reach), since waiting for the answer would cost more than most kernels.
enum class Failure : int32_t { none = 0, expertOutOfRange, lengthsDoNotSum, assignmentOutOfRange, assignmentTwice };

constexpr const char* describe(Failure failure) {
  switch (failure) {
    case Failure::expertOutOfRange: return "expert: expected values from 0 to experts - 1";
    case Failure::lengthsDoNotSum: return "taken: expected lengths that sum to the rows of order";
    case Failure::assignmentOutOfRange: return "order: expected values from 0 to choices * tokens - 1";
    case Failure::assignmentTwice: return "order: expected every assignment at most once";
    default: return "";
  }
}

/// The process's flag for it, in memory that the host and all GPUs reach; null where there is none to be had.
int32_t* failureFlag();

/// Until all that was started on a stream is done.
Status waitFor(Stream);

}  // namespace moelab::cuda
