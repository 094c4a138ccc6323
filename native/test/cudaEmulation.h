#pragma once

// Runs CUDA kernels on the CPU, for tests where there is no GPU: every thread of a block is a fiber, which runs until it waits
// for others; blocks run one after another. What threads, warps and tensor cores do follows the PTX documentation. Made to
// find mistakes rather than to be quick:
// - threads take turns in an order that changes from block to block, so that a missing barrier shows;
// - shared memory starts as NaNs and has exactly the size asked for, so that a sanitizer sees what lies outside;
// - asynchronous copies happen when they are waited for, not before.

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "stream.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct Index3 {
  unsigned x = 0, y = 0, z = 0;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};

inline thread_local Index3 threadIdx, blockIdx, blockDim, gridDim;

namespace moelab::cuda::emulation {

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t stackBytes = 256 * 1024;
constexpr bool quickSwitch = false;  // the sanitizer takes longjmp for the end of functions
#else
constexpr std::size_t stackBytes = 64 * 1024;
constexpr bool quickSwitch = true;
#endif

struct Copy {
  void* to;
  const void* from;
  bool inside;
};

/// What the lanes of a warp show each other: two slots each, taken in turns, so that one barrier is enough.
struct Warp {
  uint32_t shown[2][32][8];
  int arrived = 0, live = 0, phase = 0;
};

struct Thread {
  ucontext_t context;
  jmp_buf place;
  bool started = false, done = false;
  int turn = 0;
  std::deque<std::vector<Copy>> copies{1};
};

class Block {
 public:
  Block(int threads, std::size_t sharedBytes, const std::function<void()>& body)
      : body_(body), threads_(threads), warps_((threads + 31) / 32), order_(threads), live_(threads),
        shared_(sharedBytes, 0xff) {
    if (stacks_.size() < threads * stackBytes) stacks_.resize(threads * stackBytes);
    for (int i = 0; i < threads; ++i) {
      order_[i] = i;
      ++warps_[i / 32].live;
    }
  }

  void run(unsigned seed) {
    for (std::size_t i = order_.size(); i > 1; --i) {
      seed = seed * 1664525u + 1013904223u;
      std::swap(order_[i - 1], order_[(seed >> 8) % i]);
    }
    current = this;
    at_ = order_.size() - 1;
    if (live_ > 0) next();
    current = nullptr;
  }

  void syncBlock() {
    const int phase = phase_;
    if (++arrived_ == live_) release();
    while (phase_ == phase) next();
  }

  void syncWarp() {
    Warp& warp = warps_[threadIdx.x / 32];
    const int phase = warp.phase;
    if (++warp.arrived == warp.live) releaseWarp(warp);
    while (warp.phase == phase) next();
  }

  /// Shows the other lanes some words; what all lanes showed.
  const uint32_t (*exchange(const uint32_t* words, int count))[8] {
    Warp& warp = warps_[threadIdx.x / 32];
    const int turn = thread().turn ^= 1;
    std::memcpy(warp.shown[turn][threadIdx.x % 32], words, count * sizeof(uint32_t));
    syncWarp();
    return warp.shown[turn];
  }

  Thread& thread() { return threads_[threadIdx.x]; }
  unsigned char* shared() { return shared_.data(); }

  static inline thread_local Block* current = nullptr;

 private:
  static void enter() {
    Block& block = *current;
    block.body_();
    block.leave();
  }

  void leave() {
    Warp& warp = warps_[threadIdx.x / 32];
    thread().done = true;
    if (--warp.live > 0 && warp.arrived == warp.live) releaseWarp(warp);
    if (--live_ == 0) setcontext(&main_);
    if (arrived_ == live_) release();
    next();
  }

  void release() {
    arrived_ = 0;
    ++phase_;
    waited_ = 0;
  }

  void releaseWarp(Warp& warp) {
    warp.arrived = 0;
    ++warp.phase;
    waited_ = 0;
  }

  /// Goes on with the next thread that has not ended.
  void next() {
    if (++waited_ > 4 * static_cast<int>(order_.size()) + 4) {
      std::fputs("CUDA emulation: threads wait for each other and none goes on\n", stderr);
      std::abort();
    }
    Thread* from = live_ > 0 && at_ < order_.size() && threads_[order_[at_]].started ? &threads_[order_[at_]] : nullptr;
    do at_ = (at_ + 1) % order_.size();
    while (threads_[order_[at_]].done);
    Thread& to = threads_[order_[at_]];
    if (&to == from) return;
    threadIdx.x = order_[at_];
    if (!to.started) {
      to.started = true;
      waited_ = 0;
      getcontext(&to.context);
      to.context.uc_stack.ss_sp = stacks_.data() + order_[at_] * stackBytes;
      to.context.uc_stack.ss_size = stackBytes;
      to.context.uc_link = nullptr;
      makecontext(&to.context, enter, 0);
      if (!from) swapcontext(&main_, &to.context);
      else if (!quickSwitch) swapcontext(&from->context, &to.context);
      else if (!_setjmp(from->place)) setcontext(&to.context);
    } else if (!quickSwitch) {
      swapcontext(&from->context, &to.context);
    } else if (!_setjmp(from->place)) {
      _longjmp(to.place, 1);
    }
  }

  static inline thread_local std::vector<unsigned char> stacks_;
  const std::function<void()>& body_;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<int> order_;
  int live_, arrived_ = 0, phase_ = 0, waited_ = 0;
  std::size_t at_ = 0;
  std::vector<unsigned char> shared_;
  ucontext_t main_;
};

}  // namespace moelab::cuda::emulation

namespace moelab::cuda {

template <class... Parameters>
Status launch(void (*kernel)(Parameters...), int64_t blocks, int threads, std::size_t sharedBytes, Stream,
              typename Given<Parameters>::Type... arguments) {
  const std::function<void()> body = [&] { kernel(arguments...); };
  gridDim = {static_cast<unsigned>(blocks), 1, 1};
  blockDim = {static_cast<unsigned>(threads), 1, 1};
  for (int64_t i = 0; i < blocks; ++i) {
    blockIdx = {static_cast<unsigned>(i), 0, 0};
    emulation::Block(threads, sharedBytes, body).run(static_cast<unsigned>(i + 1));
  }
  return nullptr;
}

inline unsigned char* sharedMemory() { return emulation::Block::current->shared(); }

inline float bitsToFloat(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline uint32_t floatToBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline uint16_t floatToBFloat16(float value) {
  const uint32_t bits = floatToBits(value);
  if (value != value) return 0x7fff;
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float float16ToFloat(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float value = exponent == 0    ? std::ldexp(static_cast<float>(fraction), -24)
                : exponent == 31 ? (fraction ? NAN : INFINITY)
                                 : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
  return bits & 0x8000 ? -value : value;
}

inline uint16_t floatToFloat16(float value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float size = std::fabs(value);
  if (value != value) return 0x7fff;
  if (size >= 65520.0f) return sign | 0x7c00;
  if (size < 0x1p-14f) return static_cast<uint16_t>(sign | static_cast<int>(std::nearbyint(size * 0x1p24f)));
  int exponent;
  const float fraction = std::frexp(size, &exponent);  // in [1/2, 1)
  const int rounded = static_cast<int>(std::nearbyint(fraction * 2048));
  return static_cast<uint16_t>(sign | (((exponent + 14) << 10) + rounded - 1024));
}

}  // namespace moelab::cuda

inline void __syncthreads() { moelab::cuda::emulation::Block::current->syncBlock(); }
inline void __syncwarp(unsigned = 0xffffffffu) { moelab::cuda::emulation::Block::current->syncWarp(); }

namespace moelab::cuda::emulation {

/// The value that lane `from` of the warp shows.
template <class T>
T ofLane(T value, int from) {
  static_assert(sizeof(T) % 4 == 0);
  uint32_t words[sizeof(T) / 4];
  std::memcpy(words, &value, sizeof value);
  const auto shown = Block::current->exchange(words, sizeof(T) / 4);
  std::memcpy(&value, shown[from], sizeof value);
  return value;
}

}  // namespace moelab::cuda::emulation

template <class T>
T __shfl_sync(unsigned, T value, int from) {
  return moelab::cuda::emulation::ofLane(value, from % 32);
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return moelab::cuda::emulation::ofLane(value, static_cast<int>(threadIdx.x % 32) ^ mask);
}
template <class T>
T __shfl_up_sync(unsigned, T value, int by) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  return moelab::cuda::emulation::ofLane(value, lane >= by ? lane - by : lane);
}
template <class Test>
unsigned lanesWhere(uint32_t word, Test test) {
  const auto shown = moelab::cuda::emulation::Block::current->exchange(&word, 1);
  unsigned lanes = 0;
  for (int i = 0; i < 32; ++i) lanes |= test(shown[i][0]) ? 1u << i : 0u;
  return lanes;
}
inline unsigned __ballot_sync(unsigned, int predicate) {
  return lanesWhere(predicate != 0, [](uint32_t shown) { return shown != 0; });
}
inline unsigned __match_any_sync(unsigned, int value) {
  const auto own = static_cast<uint32_t>(value);
  return lanesWhere(own, [own](uint32_t shown) { return shown == own; });
}
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __ffs(int bits) { return __builtin_ffs(bits); }
template <class T>
T atomicAdd(T* at, T value) {
  return std::exchange(*at, *at + value);
}
template <class T>
T atomicExch(T* at, T value) {
  return std::exchange(*at, value);
}
