#include "tensorTable.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace moelab {

namespace {
// When to collect. A forced minor collection costs about half a millisecond, a full one some milliseconds, more with a
// large JavaScript heap; a collection per so many bytes of tensors keeps both far below the time it takes to compute
// that many bytes, and a synchronous loop small. Budgets grow with what is alive, as in any collector.
constexpr int64_t kYoungBytes = 16ll << 20;
constexpr size_t kYoungCount = 4096;
constexpr int64_t kOldBytes = 16ll << 20;
constexpr size_t kOldCount = 16384;
// V8 promotes what has survived two minor collections; until then the next one may free it.
constexpr uint32_t kSweepsUntilOld = 2;
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

void TensorTable::track(napi_env env, napi_value object, Handle handle) {
  if (handle >= slots_.size() || !slots_[handle].tensor.defined() || slots_[handle].object) return;
  Slot& slot = slots_[handle];
  if (napi_create_reference(env, object, 0, &slot.object) != napi_ok) return;
  if (slot.tensor.has_storage() && slot.tensor.storage().use_count() == 1) {
    slot.bytes = static_cast<int64_t>(slot.tensor.storage().nbytes());
    trackedBytes_ += slot.bytes;
    bytesSinceSweep_ += slot.bytes;
  }
  young_.push_back({handle, slot.generation});
  if (bytesSinceSweep_ > std::max(youngBudget_, kYoungBytes) || ++countSinceSweep_ > kYoungCount) setDue(true);
}

void TensorTable::sweepList(napi_env env, std::vector<Tracked>& list) {
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
        list[kept++] = {entry.handle, entry.generation, entry.sweeps + 1};
      } else {
        dead.push_back(entry);
      }
    }
    napi_close_handle_scope(env, scope);
  }
  list.resize(kept);
  for (const Tracked& entry : dead) release(env, entry.handle);
}

int64_t TensorTable::bytesOf(const std::vector<Tracked>& list) const {
  int64_t bytes = 0;
  for (const Tracked& entry : list) {
    const Slot& slot = slots_[entry.handle];
    if (slot.generation == entry.generation) bytes += slot.bytes;
  }
  return bytes;
}

bool TensorTable::sweep(napi_env env, bool all) {
  setDue(false);
  // Freeing a tensor may run destructors that come back here: the lists are taken out while they are worked on.
  std::vector<Tracked> young = std::move(young_);
  young_ = {};
  sweepList(env, young);
  if (all) {
    std::vector<Tracked> old = std::move(old_);
    old_ = {};
    sweepList(env, old);
    old_.insert(old_.end(), old.begin(), old.end());
  }
  for (const Tracked& entry : young) (entry.sweeps < kSweepsUntilOld ? young_ : old_).push_back(entry);
  bytesSinceSweep_ = 0;
  countSinceSweep_ = 0;
  youngBudget_ = trackedBytes_ / 8;

  const int64_t oldBytes = bytesOf(old_);
  if (all) {
    oldBytesAtFull_ = oldBytes;
    oldCountAtFull_ = old_.size();
  }
  return oldBytes > oldBytesAtFull_ + std::max(kOldBytes, oldBytesAtFull_ / 2) ||
         old_.size() > oldCountAtFull_ + std::max(kOldCount, oldCountAtFull_ / 2);
}

}  // namespace moelab
