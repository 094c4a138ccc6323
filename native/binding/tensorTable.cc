#include "tensorTable.h"

#include <stdexcept>
#include <string>

namespace moelab {

namespace {
// A forced minor collection costs about a millisecond: rare enough at these limits to cost nothing, often enough that
// a synchronous loop stays small.
constexpr int64_t kSweepBytes = 32ll << 20;
constexpr size_t kSweepCount = 8192;
}  // namespace

TensorTable& tensors() {
  static auto* table = new TensorTable;  // never destroyed: tensors may outlive static destruction order
  return *table;
}

TensorTable::Handle TensorTable::put(at::Tensor tensor) {
  ++liveCount_;
  if (!free_.empty()) {
    const Handle handle = free_.back();
    free_.pop_back();
    slots_[handle].tensor = std::move(tensor);
    return handle;
  }
  slots_.push_back({std::move(tensor)});
  return static_cast<Handle>(slots_.size() - 1);
}

const at::Tensor& TensorTable::get(int64_t handle) const {
  if (handle < 0 || handle >= static_cast<int64_t>(slots_.size()) || !slots_[handle].tensor.defined()) {
    throw std::invalid_argument(
        "a tensor was used after it was disposed (by dispose(), or by the end of the tidy() or training step it was "
        "made in; return it from there or call keep() to let it live longer)");
  }
  return slots_[handle].tensor;
}

void TensorTable::release(napi_env env, Handle handle) {
  if (handle >= slots_.size() || !slots_[handle].tensor.defined()) return;
  Slot& slot = slots_[handle];
  if (slot.object) {
    napi_delete_reference(env, slot.object);
    slot.object = nullptr;
  }
  trackedBytes_ -= slot.bytes;
  slot.bytes = 0;
  ++slot.generation;
  --liveCount_;
  at::Tensor tensor = std::move(slot.tensor);  // its destructor may come back here through a JS autograd node
  slot.tensor = at::Tensor();
  free_.push_back(handle);
}

bool TensorTable::track(napi_env env, napi_value object, Handle handle) {
  Slot& slot = slots_[handle];
  napi_create_reference(env, object, 0, &slot.object);
  if (slot.tensor.has_storage() && slot.tensor.storage().use_count() == 1) {
    slot.bytes = static_cast<int64_t>(slot.tensor.storage().nbytes());
    trackedBytes_ += slot.bytes;
    bytesSinceSweep_ += slot.bytes;
  }
  young_.push_back({handle, slot.generation});
  return bytesSinceSweep_ > kSweepBytes || young_.size() > kSweepCount;
}

void TensorTable::sweepList(napi_env env, std::vector<Tracked>& list, size_t& freed) {
  std::vector<Tracked> dead;
  size_t kept = 0;
  constexpr size_t kChunk = 1024;  // keeps the handle scope, which holds what is alive, small
  for (size_t start = 0; start < list.size(); start += kChunk) {
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    for (size_t i = start; i < std::min(list.size(), start + kChunk); ++i) {
      const Tracked entry = list[i];
      Slot& slot = slots_[entry.handle];
      if (slot.generation != entry.generation || !slot.object) continue;
      napi_value object = nullptr;
      napi_get_reference_value(env, slot.object, &object);
      if (object) {
        list[kept++] = entry;
      } else {
        dead.push_back(entry);
      }
    }
    napi_close_handle_scope(env, scope);
  }
  list.resize(kept);
  for (const Tracked& entry : dead) release(env, entry.handle);
  freed += dead.size();
}

size_t TensorTable::sweep(napi_env env, bool all) {
  size_t freed = 0;
  bytesSinceSweep_ = 0;
  std::vector<Tracked> young = std::move(young_);
  young_ = {};
  sweepList(env, young, freed);
  if (all) {
    std::vector<Tracked> old = std::move(old_);
    old_ = {};
    sweepList(env, old, freed);
    old_.insert(old_.end(), old.begin(), old.end());
  }
  old_.insert(old_.end(), young.begin(), young.end());
  return freed;
}

}  // namespace moelab
