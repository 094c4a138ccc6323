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
  void track(napi_env env, napi_value object, Handle handle);

  /// Frees handles whose objects have been collected. After a minor collection only young ones are looked at, since
  /// it leaves old objects alone; `all` looks at every one. Must run outside of a collection.
  /// Returns true when so much has grown old that a full collection is due.
  bool sweep(napi_env env, bool all);

  size_t liveCount() const { return liveCount_; }
  int64_t trackedBytes() const { return trackedBytes_; }

  /// Set to 1 when enough has been tracked that a minor collection and a sweep are due. JavaScript reads it in
  /// memory it shares, which is cheaper than a result of each call.
  void shareDueFlag(int32_t* flag) { due_ = flag; }

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
    uint32_t sweeps = 0;  // survived
  };

  /// Frees what is dead and leaves what is alive in the list.
  void sweepList(napi_env env, std::vector<Tracked>& list);
  int64_t bytesOf(const std::vector<Tracked>& list) const;
  void setDue(bool due) { *due_ = due ? 1 : 0; }

  std::vector<Slot> slots_;
  std::vector<Handle> free_;
  std::vector<Tracked> young_, old_;
  size_t liveCount_ = 0;
  int64_t trackedBytes_ = 0;
  int64_t bytesSinceSweep_ = 0;
  size_t countSinceSweep_ = 0;
  int64_t youngBudget_ = 0;        // bytes tracked until the next minor collection
  int64_t oldBytesAtFull_ = 0;     // in `old_` after the last full collection
  size_t oldCountAtFull_ = 0;
  int32_t never_ = 0;
  int32_t* due_ = &never_;
};

TensorTable& tensors();

}  // namespace moelab
