#include "failure.h"

#include "device.cuh"

namespace moelab::cuda {

#if defined(MOELAB_EMULATE_CUDA)

int32_t* failureFlag() {
  static int32_t flag = 0;
  return &flag;
}

Status waitFor(Stream) { return nullptr; }

#else

int32_t* failureFlag() {
  static int32_t* const flag = [] {
    void* memory = nullptr;
    if (cudaHostAlloc(&memory, sizeof(int32_t), cudaHostAllocPortable | cudaHostAllocMapped) != cudaSuccess) memory = nullptr;
    if (memory) *static_cast<int32_t*>(memory) = 0;
    return static_cast<int32_t*>(memory);
  }();
  return flag;
}

Status waitFor(Stream stream) {
  const cudaError_t error = cudaStreamSynchronize(stream);
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

#endif

}  // namespace moelab::cuda
