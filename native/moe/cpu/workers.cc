#include "workers.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "../interruption.h"

namespace moelab {

namespace {

/// How long a thread that waits for others looks before it sleeps: about as long as waking it takes.
constexpr auto spinTime = std::chrono::microseconds(20);

/// How long a thread of the pool looks for the next region: small ones follow each other when tokens are generated one by
/// one, and waking a thread would take as long as they do.
constexpr auto lingerTime = std::chrono::microseconds(50);

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

class Region {
 public:
  Region(const Phase* phases, int count, const void* context, bool interruptible)
      : context(context), steps(count), interruptible(interruptible) {
    for (int i = 0; i < count; ++i) steps[i].phase = phases[i];
  }

  /// Works along until nothing is left; returns when all phases are done.
  void work() {
    for (Step& step : steps) {
      const int64_t items = step.phase.items;
      for (int64_t item; (item = step.next.fetch_add(1, std::memory_order_relaxed)) < items;) {
        if (!isAbandoned()) step.phase.task(context, step.phase.first + item);
        if (step.done.fetch_add(1, std::memory_order_acq_rel) + 1 == items) step.done.notify_all();
      }
      wait(step);
    }
  }

  /// Whether items were left out, since whoever waits for the region is to stop.
  bool isAbandoned() {
    if (!interruptible) return false;
    if (abandoned.load(std::memory_order_relaxed)) return true;
    if (!interrupted()) return false;
    abandoned.store(true, std::memory_order_relaxed);
    return true;
  }

 private:
  struct Step {
    Phase phase;
    // Threads write these all the time: each on a cache line of its own.
    alignas(64) std::atomic<int64_t> next{0};
    alignas(64) std::atomic<int64_t> done{0};
  };

  static void wait(Step& step) {
    const auto start = std::chrono::steady_clock::now();
    for (;;) {
      const int64_t done = step.done.load(std::memory_order_acquire);
      if (done >= step.phase.items) return;
      if (std::chrono::steady_clock::now() - start < spinTime) pause();
      else step.done.wait(done, std::memory_order_acquire);
    }
  }

  const void* context;
  std::vector<Step> steps;
  const bool interruptible;
  std::atomic<bool> abandoned{false};
};

class Pool {
 public:
  /// Never destroyed: its threads may still sleep in it when the process ends.
  static Pool& instance() {
    static Pool* pool = new Pool;
    return *pool;
  }

  void run(const std::shared_ptr<Region>& region, int threads) {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      if (!current && threads > 1) {
        current = region;
        wanted = threads - 1;
        while (static_cast<int>(workers) < wanted) {
          std::thread([this] { serve(); }).detach();
          ++workers;
        }
      } else {
        threads = 1;
      }
    }
    if (threads > 1) wake.notify_all();
    region->work();
    if (threads > 1) {
      const std::lock_guard<std::mutex> lock(mutex);
      current = nullptr;
      wanted = 0;
    }
    if (region->isAbandoned()) throw Interrupted();
  }

 private:
  void serve() {
    for (;;) {
      const auto start = std::chrono::steady_clock::now();
      while (wanted.load(std::memory_order_relaxed) == 0 && std::chrono::steady_clock::now() - start < lingerTime) pause();
      std::shared_ptr<Region> region;
      {
        std::unique_lock<std::mutex> lock(mutex);
        wake.wait(lock, [this] { return wanted > 0; });
        --wanted;
        region = current;
      }
      region->work();
    }
  }

  std::mutex mutex;
  std::condition_variable wake;
  std::shared_ptr<Region> current;
  /// Changed under the mutex.
  std::atomic<int> wanted{0};
  int workers = 0;
};

}  // namespace

void runPhases(const Phase* phases, int count, const void* context, int threads, bool interruptible) {
  Pool::instance().run(std::make_shared<Region>(phases, count, context, interruptible), std::max(threads, 1));
}

}  // namespace moelab
