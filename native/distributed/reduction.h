#pragma once
// Adding up what the ranks have, element by element.

#include <cstddef>

namespace moelab::dist {

enum class ReduceOp { sum, mean, max, min };
enum class ElementType { float64, float32, bfloat16, float16, int64, int32, uint8 };

size_t bytesOf(ElementType type);

/// out[i] = parts[0][i] ∘ parts[1][i] ∘ …, in this order whatever the number of elements, so that every rank that has
/// the same parts has the same bits. 16-bit numbers are added in float32 and rounded once. `out` may be one of `parts`.
void reduce(ReduceOp op, ElementType type, const void* const* parts, int count, size_t elements, void* out);

}  // namespace moelab::dist
