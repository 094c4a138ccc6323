#pragma once

namespace moelab {

/// Types that the kernels read and write; all sums are float32.
enum class Element { float32, bfloat16 };

}  // namespace moelab
