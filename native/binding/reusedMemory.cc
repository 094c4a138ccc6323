#include "reusedMemory.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace moelab {

namespace {

using Clock = std::chrono::steady_clock;

/// The size of a huge page: pieces are multiples of it and begin at one.
constexpr size_t kGrain = size_t{2} << 20;
/// A kept piece serves requests down to this share of its size.
constexpr double kLeastUse = 0.8;
/// What is held, used or not, never exceeds what was in use at one time within the last one to two of these.
constexpr auto kWindow = std::chrono::seconds(10);

class Pieces {
 public:
  void* take(size_t bytes) {
    const size_t size = (bytes + kGrain - 1) / kGrain * kGrain;
    const std::lock_guard<std::mutex> lock(mutex_);
    void* piece = nullptr;
    const auto found = fitting(size);
    if (found != kept_.end()) {
      piece = found->second;
      inUse_.emplace(piece, found->first);
      used_ += found->first;
      keptBytes_ -= found->first;
      kept_.erase(found);
    } else {
      piece = std::aligned_alloc(kGrain, size);
      if (!piece) {
        freeDownTo(0);
        piece = std::aligned_alloc(kGrain, size);
      }
      if (!piece) return nullptr;
#if defined(__linux__)
      madvise(piece, size, MADV_HUGEPAGE);
#endif
      inUse_.emplace(piece, size);
      used_ += size;
    }
    passTime();
    peak_ = std::max(peak_, used_);
    trim();
    return piece;
  }

  bool has(size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return fitting((bytes + kGrain - 1) / kGrain * kGrain) != kept_.end();
  }

  bool giveBack(void* piece) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = inUse_.find(piece);
    if (found == inUse_.end()) return false;
    const size_t size = found->second;
    inUse_.erase(found);
    used_ -= size;
    kept_.emplace(size, piece);
    keptBytes_ += size;
    passTime();
    trim();
    if (!watched_) std::thread([this] { watch(); }).detach();
    watched_ = true;
    return true;
  }

  void release() {
    const std::lock_guard<std::mutex> lock(mutex_);
    peak_ = earlierPeak_ = used_;
    trim();
  }

 private:
  using Kept = std::multimap<size_t, void*>;

  Kept::iterator fitting(size_t size) {
    const auto found = kept_.lower_bound(size);
    return found != kept_.end() && size >= kLeastUse * found->first ? found : kept_.end();
  }

  /// Whoever computes nothing for a while is to hold nothing.
  void watch() {
    for (;;) {
      std::this_thread::sleep_for(kWindow);
      const std::lock_guard<std::mutex> lock(mutex_);
      if (Clock::now() - lastCall_ < kWindow) continue;
      peak_ = earlierPeak_ = used_;
      trim();
      watched_ = false;
      return;
    }
  }

  void passTime() {
    const auto now = Clock::now();
    lastCall_ = now;
    if (now - windowStart_ < kWindow) return;
    // After a long pause the window before says nothing any more.
    earlierPeak_ = now - windowStart_ < 2 * kWindow ? peak_ : used_;
    peak_ = used_;
    windowStart_ = now;
  }

  /// Frees the largest kept pieces that are more than what was needed lately.
  void trim() { freeDownTo(std::max(peak_, earlierPeak_)); }

  /// Until so much is held, used or not.
  void freeDownTo(size_t held) {
    while (!kept_.empty() && used_ + keptBytes_ > held) {
      const auto largest = std::prev(kept_.end());
      keptBytes_ -= largest->first;
      std::free(largest->second);
      kept_.erase(largest);
    }
  }

  std::mutex mutex_;
  std::unordered_map<void*, size_t> inUse_;
  Kept kept_;
  size_t used_ = 0, keptBytes_ = 0, peak_ = 0, earlierPeak_ = 0;
  Clock::time_point windowStart_ = Clock::now(), lastCall_ = windowStart_;
  /// A thread runs {@link watch}.
  bool watched_ = false;
};

/// Never destroyed: tensors may be freed while the process ends.
Pieces& pieces() {
  static auto* all = new Pieces;
  return *all;
}

}  // namespace

void* takeReused(size_t bytes) { return pieces().take(bytes); }
bool hasReusable(size_t bytes) { return pieces().has(bytes); }
bool giveBack(void* piece) { return pieces().giveBack(piece); }
void releaseReusable() { pieces().release(); }

}  // namespace moelab
