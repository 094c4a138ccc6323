#pragma once

struct CUstream_st;

namespace moelab::cuda {

/// cudaStream_t, without CUDA's headers.
using Stream = CUstream_st*;

/// Why a launch failed, or null. Launches do not wait for the GPU.
using Status = const char*;

}  // namespace moelab::cuda
