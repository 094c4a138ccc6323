#pragma once

namespace moelab {

/// Instruction sets for which there are kernels, each including those before it.
enum class CpuCapability { scalar, avx2, avx512, amx };

/// The best one that this processor and its system offer; MOELAB_CPU_CAPABILITY (scalar, avx2, avx512, amx) lowers it.
CpuCapability cpuCapability();

const char* name(CpuCapability capability);

}  // namespace moelab
