#pragma once

// What every operator on the GPU begins and ends with.

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>

#include "../element.h"
#include "../failure.h"
#include "../stream.h"

// The same operators are built for the CPU with emulated kernels, in place of the CPU's own, so that they can be tested
// where there is no GPU.
#if defined(MOELAB_EMULATE_CUDA)
#define MOELAB_GPU CPU
#define MOELAB_AUTOGRAD_GPU AutogradCPU
#else
#define MOELAB_GPU CUDA
#define MOELAB_AUTOGRAD_GPU AutogradCUDA
#endif

namespace moelab::cuda {

/// Makes the device of a tensor the current one. Wrong indices are found on the GPU while the host goes on; the error is
/// raised by the next call that finds it, or at once with CUDA_LAUNCH_BLOCKING=1.
class Call {
 public:
  Call(const char* name, const at::Tensor& on);

  Stream stream() const { return stream_; }
  int32_t* failure() const { return failure_; }
  /// @throws what kept a kernel from being started
  void check(Status status) const;
  /// Waits for the GPU and raises what it found.
  void wait() const;
  /// To be called when all is started.
  void finish() const;
  /// Memory for kernels, freed in the order of the stream.
  at::Tensor scratch(std::size_t bytes) const;

 private:
  const char* name_;
  c10::DeviceGuard guard_;
  Stream stream_;
  int32_t* failure_;
};

/// @throws TypeError for what there are no kernels for
Element elementOf(const char* name, const at::Tensor& tensor);
bool hasElement(const at::Tensor& tensor);

/// Kernels count rows in 32 bits.
void checkRows(const char* name, int64_t rows);

}  // namespace moelab::cuda
