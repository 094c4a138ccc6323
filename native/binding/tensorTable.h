#pragma once
// Tensors that JavaScript holds, addressed by small integers. A JS tensor is a plain object with such a handle: making
// one costs a fraction of wrapping a C++ object, and a scope can free many at once.

#include <ATen/core/Tensor.h>
#include <node_api.h>

#include <cstdint>
#include <vector>

namespace moelab {

class TensorTable {
 public:
  using Handle = uint32_t;

  Handle put(at::Tensor tensor);
  /// Throws std::invalid_argument for a handle that is not in use (a disposed tensor).
  const at::Tensor& get(int64_t handle) const;
  void release(napi_env env, Handle handle);

  /// Makes the garbage collector the owner of the handle: once `object` is collected, a sweep frees it.
  /// Returns true when enough has been allocated that a collection is due.
  bool track(napi_env env, napi_value object, Handle handle);

  /// Frees handles whose objects have been collected; `all` looks at old ones too, not only those tracked since
  /// the last sweep. Must run outside of a collection. Returns how many were freed.
  size_t sweep(napi_env env, bool all);

  size_t liveCount() const { return liveCount_; }
  int64_t trackedBytes() const { return trackedBytes_; }

 private:
  struct Slot {
    at::Tensor tensor;
    napi_ref object = nullptr;  // weak
    int64_t bytes = 0;          // of its storage, when it was the storage's only user as tracking began
    uint32_t generation = 0;    // tells a reused handle from the one a list remembers
  };
  struct Tracked {
    Handle handle;
    uint32_t generation;
  };

  void sweepList(napi_env env, std::vector<Tracked>& list, size_t& freed);

  std::vector<Slot> slots_;
  std::vector<Handle> free_;
  std::vector<Tracked> young_, old_;
  size_t liveCount_ = 0;
  int64_t trackedBytes_ = 0;
  int64_t bytesSinceSweep_ = 0;
};

TensorTable& tensors();

}  // namespace moelab
