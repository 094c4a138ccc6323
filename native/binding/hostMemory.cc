#include "hostMemory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <atomic>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>

#include "reusedMemory.h"

namespace moelab {

namespace {

/// Looking costs some 50 µs: it is done for each allocation of this size, and once for so much of smaller ones.
constexpr size_t kLookEvery = 64ull << 20;
/// Left to the rest of the machine: the kernel kills well before the last byte.
constexpr uint64_t kReserve = 256ull << 20;

uint64_t numberIn(const char* path, uint64_t otherwise) {
  std::ifstream file(path);
  uint64_t number;
  return file >> number ? number : otherwise;
}

/// Bytes that can still be used, as far as the system tells.
uint64_t available() {
  constexpr uint64_t unlimited = std::numeric_limits<uint64_t>::max();
  uint64_t bytes = unlimited;
  std::ifstream meminfo("/proc/meminfo");
  std::string key, unit;
  uint64_t kilobytes = 0, swap = 0;
  while (meminfo >> key >> kilobytes) {
    if (key == "MemAvailable:") bytes = kilobytes << 10;
    if (key == "SwapFree:") swap = kilobytes << 10;
    std::getline(meminfo, unit);
  }
  if (bytes != unlimited) bytes += swap;
  // In a container the group's limit may be lower (cgroup v2, then v1; "max" reads as no number).
  for (const auto& [limitPath, usedPath] :
       {std::pair{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
        std::pair{"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"}}) {
    const uint64_t limit = numberIn(limitPath, unlimited);
    const uint64_t used = numberIn(usedPath, 0);
    if (limit != unlimited) bytes = std::min(bytes, limit > used ? limit - used : 0);
  }
  return bytes;
}

class ManagedAllocator final : public c10::Allocator {
 public:
  explicit ManagedAllocator(c10::Allocator* allocator) { underlying = allocator; }

  c10::DataPtr allocate(size_t bytes) override {
    const bool large = bytes >= kReusedFrom;
    const bool fresh = !large || !hasReusable(bytes);
    if (fresh && sinceLook_.fetch_add(bytes, std::memory_order_relaxed) + bytes >= kLookEvery) look(bytes);
    if (!large) return underlying->allocate(bytes);
    void* piece = takeReused(bytes);
    TORCH_CHECK_WITH(OutOfMemoryError, piece, "you tried to allocate ", bytes, " bytes, which the system refused");
    return {piece, piece, &ManagedAllocator::free, at::DeviceType::CPU};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &ManagedAllocator::free; }
  void copy_data(void* target, const void* source, size_t bytes) const override {
    underlying->copy_data(target, source, bytes);
  }

 private:
  static void free(void* pointer) {
    if (!giveBack(pointer)) underlying->raw_deleter()(pointer);
  }

  void look(size_t bytes) {
    sinceLook_.store(0, std::memory_order_relaxed);
    uint64_t free = available();
    if (free >= kReserve && bytes <= free - kReserve) return;
    releaseReusable();
    free = available();
    if (free >= kReserve && bytes <= free - kReserve) return;
    sinceLook_.store(kLookEvery, std::memory_order_relaxed);  // the next one looks again
    TORCH_CHECK_WITH(OutOfMemoryError, false, "you tried to allocate ", bytes, " bytes, but of the host's memory only ",
                     free, " are free");
  }

  static inline c10::Allocator* underlying = nullptr;

  std::atomic<size_t> sinceLook_ = 0;
};

}  // namespace

void manageHostMemory() {
  static auto* managed = new ManagedAllocator(c10::GetCPUAllocator());
  c10::SetCPUAllocator(managed, /*priority=*/100);
}

}  // namespace moelab
