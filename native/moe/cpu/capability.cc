#include "capability.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace moelab {

namespace {

constexpr const char* names[] = {"scalar", "avx2", "avx512", "amx"};

#if defined(__x86_64__)
/// Linux gives a process the tile registers only when it asks.
bool tilesGranted() {
#if defined(__linux__)
  constexpr int requestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int tileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
#else
  return false;
#endif
}

bool hasTiles() {
  unsigned a = 7, b = 0, c = 0, d = 0;
  __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  constexpr unsigned amxBf16 = 1u << 22, amxTile = 1u << 24;
  return (d & amxBf16) && (d & amxTile) && tilesGranted();
}
#endif

CpuCapability detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return CpuCapability::scalar;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (!avx512) return CpuCapability::avx2;
  return hasTiles() ? CpuCapability::amx : CpuCapability::avx512;
#else
  return CpuCapability::scalar;
#endif
}

/// What the compiler could make of it.
CpuCapability built() {
#if defined(MOELAB_HAS_AMX)
  return CpuCapability::amx;
#elif defined(MOELAB_HAS_AVX512)
  return CpuCapability::avx512;
#elif defined(MOELAB_HAS_AVX2)
  return CpuCapability::avx2;
#else
  return CpuCapability::scalar;
#endif
}

CpuCapability chosen() {
  const CpuCapability best = std::min(detect(), built());
  const char* wish = std::getenv("MOELAB_CPU_CAPABILITY");
  if (!wish) return best;
  for (int i = 0; i <= static_cast<int>(best); ++i) {
    if (std::strcmp(wish, names[i]) == 0) return static_cast<CpuCapability>(i);
  }
  return best;
}

}  // namespace

CpuCapability cpuCapability() {
  static const CpuCapability capability = chosen();
  return capability;
}

const char* name(CpuCapability capability) { return names[static_cast<int>(capability)]; }

}  // namespace moelab
