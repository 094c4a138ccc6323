#include "call.h"

#include <ATen/Functions.h>

#include <cstdlib>
#include <cstring>
#include <limits>

#if !defined(MOELAB_EMULATE_CUDA)
#include <c10/cuda/CUDAStream.h>
#endif

namespace moelab::cuda {

namespace {

#if defined(MOELAB_EMULATE_CUDA)
Stream currentStream(const at::Tensor&) { return nullptr; }
constexpr bool waitsForEach = true;
#else
Stream currentStream(const at::Tensor& on) { return c10::cuda::getCurrentCUDAStream(on.get_device()).stream(); }
const bool waitsForEach = [] {
  const char* given = std::getenv("CUDA_LAUNCH_BLOCKING");
  return given && std::strcmp(given, "1") == 0;
}();
#endif

void raise(const char* name, int32_t* flag, bool earlier) {
  const auto found = static_cast<Failure>(*static_cast<volatile int32_t*>(flag));
  if (found == Failure::none) return;
  *flag = 0;
  TORCH_CHECK_INDEX(false, describe(found),
                    earlier ? " (found in an earlier call; CUDA_LAUNCH_BLOCKING=1 shows in which, now in moelab::"
                            : " (in moelab::",
                    name, ")");
}

}  // namespace

Call::Call(const char* name, const at::Tensor& on)
    : name_(name), guard_(on.device()), stream_(currentStream(on)), failure_(failureFlag()) {
  TORCH_CHECK(failure_, "moelab::", name, ": no memory that the host and the GPU share");
  raise(name_, failure_, true);
}

void Call::check(Status status) const {
  TORCH_CHECK(!status, "moelab::", name_, ": a kernel could not be started: ", status);
}

void Call::wait() const {
  check(waitFor(stream_));
  raise(name_, failure_, false);
}

void Call::finish() const {
  if (waitsForEach) wait();
}

at::Tensor Call::scratch(std::size_t bytes) const {
  return at::empty({static_cast<int64_t>(bytes)}, at::TensorOptions(at::kByte).device(guard_.current_device()));
}

bool hasElement(const at::Tensor& tensor) {
  const auto type = tensor.scalar_type();
  return type == at::kFloat || type == at::kBFloat16 || type == at::kHalf;
}

Element elementOf(const char* name, const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat: return Element::float32;
    case at::kBFloat16: return Element::bfloat16;
    case at::kHalf: return Element::float16;
    default:
      TORCH_CHECK_TYPE(false, name, ": expected float32, bfloat16 or float16, got ", tensor.scalar_type());
  }
}

void checkRows(const char* name, int64_t rows) {
  TORCH_CHECK_VALUE(rows <= std::numeric_limits<int32_t>::max(), name, ": expected at most 2^31 - 1 rows, got ", rows);
}

}  // namespace moelab::cuda
