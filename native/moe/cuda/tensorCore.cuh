#pragma once

// Tensor cores and asynchronous copies, as PTX has them from sm_80 on. Fragments are those of mma.m16n8k16: with
// g = lane / 4 and t = lane % 4 a thread holds of the result the rows g and g + 8, columns 2t and 2t + 1.

#include "elements.cuh"

namespace moelab::cuda {

#if !defined(MOELAB_EMULATE_CUDA)

__device__ __forceinline__ uint32_t sharedAddress(const void* place) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(place));
}

/// Four 8 × 8 matrices of halves; lane 8 i + j gives the place of row j of matrix i.
__device__ __forceinline__ void loadMatrices(uint32_t (&to)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(sharedAddress(row))
               : "memory");
}

__device__ __forceinline__ void loadTransposed(uint32_t (&to)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(sharedAddress(row))
               : "memory");
}

/// sum += a · b, [16, 16] · [16, 8], in float32.
template <class T>
__device__ __forceinline__ void multiplyAdd(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  } else {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
}

/// Copies 16 bytes to shared memory, or writes zeros where `inside` is false; `from` is not read then.
__device__ __forceinline__ void copyAsync(void* to, const void* from, bool inside) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sharedAddress(to)), "l"(from), "r"(inside ? 16 : 0)
               : "memory");
}

__device__ __forceinline__ void closeCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/// Waits until at most `open` groups of this thread's copies are under way.
template <int open>
__device__ __forceinline__ void waitForCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(open) : "memory");
}

#else

inline void loadMatricesFrom(uint32_t (&to)[4], const void* row, bool transposed) {
  const int lane = static_cast<int>(threadIdx.x % 32), first = lane / 4, second = 2 * (lane % 4);
  uint32_t words[2];
  std::memcpy(words, &row, sizeof row);
  const auto shown = emulation::Block::current->exchange(words, 2);
  for (int i = 0; i < 4; ++i) {
    uint16_t pair[2];
    for (int k = 0; k < 2; ++k) {
      const unsigned char* place;
      std::memcpy(&place, shown[8 * i + (transposed ? second + k : first)], sizeof place);
      if (reinterpret_cast<std::uintptr_t>(place) % 16 != 0) std::abort();
      std::memcpy(&pair[k], place + 2 * (transposed ? first : second + k), 2);
    }
    std::memcpy(&to[i], pair, 4);
  }
}

inline void loadMatrices(uint32_t (&to)[4], const void* row) { loadMatricesFrom(to, row, false); }
inline void loadTransposed(uint32_t (&to)[4], const void* row) { loadMatricesFrom(to, row, true); }

template <class T>
void multiplyAdd(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const uint32_t words[6] = {a[0], a[1], a[2], a[3], b0, b1};
  const auto shown = emulation::Block::current->exchange(words, 6);
  const auto half = [](uint32_t word, int index) { return toFloat(T{static_cast<uint16_t>(word >> 16 * index)}); };
  for (int i = 0; i < 4; ++i) {
    const int row = lane / 4, column = 2 * (lane % 4) + i % 2;
    for (int k = 0; k < 16; ++k) {
      sum[i] += half(shown[row * 4 + k % 8 / 2][i / 2 + 2 * (k / 8)], k % 2) *
                half(shown[column * 4 + k % 8 / 2][4 + k / 8], k % 2);
    }
  }
}

inline void copyAsync(void* to, const void* from, bool inside) {
  if (reinterpret_cast<std::uintptr_t>(to) % 16 != 0) std::abort();
  if (inside && reinterpret_cast<std::uintptr_t>(from) % 16 != 0) std::abort();
  emulation::Block::current->thread().copies.back().push_back({to, from, inside});
  std::memset(to, 0xff, 16);  // until then it is neither the old nor the new
}

inline void closeCopies() { emulation::Block::current->thread().copies.emplace_back(); }

template <int open>
void waitForCopies() {
  auto& groups = emulation::Block::current->thread().copies;
  while (static_cast<int>(groups.size()) > open + 1) {
    for (const auto& copy : groups.front()) {
      if (copy.inside) std::memcpy(copy.to, copy.from, 16);
      else std::memset(copy.to, 0, 16);
    }
    groups.pop_front();
  }
}

#endif

}  // namespace moelab::cuda
