#pragma once

namespace moelab::cuda {

enum class Element { float32, bfloat16, float16 };

constexpr int bytesOf(Element element) { return element == Element::float32 ? 4 : 2; }

}  // namespace moelab::cuda
