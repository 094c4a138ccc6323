#pragma once

// What the kernels of this folder are written in. nvcc compiles them for the GPU; with MOELAB_EMULATE_CUDA any C++ compiler
// compiles the same sources against native/test/cudaEmulation.h, which runs their threads on the CPU one after another.

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "stream.h"

namespace moelab::cuda {

/// T, but nothing is deduced from it.
template <class T>
struct Given {
  using Type = T;
};

}  // namespace moelab::cuda

#if defined(MOELAB_EMULATE_CUDA)

#include "cudaEmulation.h"

#else

#include <cuda_runtime.h>

namespace moelab::cuda {

/// Starts a kernel; its only shared memory is the dynamic one.
template <class... Parameters>
Status launch(void (*kernel)(Parameters...), int64_t blocks, int threads, std::size_t sharedBytes, Stream stream,
              typename Given<Parameters>::Type... arguments) {
  if (blocks == 0) return nullptr;
  if (blocks > 0x7fffffff) return "a kernel would need more than 2^31 - 1 blocks";
  const auto function = reinterpret_cast<const void*>(kernel);
  cudaError_t error = cudaSuccess;
  if (sharedBytes > 48 * 1024) {
    error = cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(sharedBytes));
  }
  void* addresses[] = {static_cast<void*>(&arguments)...};
  if (error == cudaSuccess) {
    error = cudaLaunchKernel(function, dim3(static_cast<unsigned>(blocks)), dim3(threads), addresses, sharedBytes, stream);
  }
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

__device__ __forceinline__ unsigned char* sharedMemory() {
  extern __shared__ uint4 sharedBytes[];
  return reinterpret_cast<unsigned char*>(sharedBytes);
}

}  // namespace moelab::cuda

#endif

namespace moelab::cuda {

constexpr unsigned allLanes = 0xffffffffu;

__host__ __device__ constexpr int64_t parts(int64_t count, int64_t size) { return (count + size - 1) / size; }

/// Keeps the first error of several launches.
class Launches {
 public:
  void operator()(Status next) {
    if (!status_) status_ = next;
  }
  Status status() const { return status_; }

 private:
  Status status_ = nullptr;
};

}  // namespace moelab::cuda
