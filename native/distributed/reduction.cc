#include "reduction.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace moelab::dist {

namespace {

template <typename T>
using Wide = std::conditional_t<std::is_same_v<T, c10::BFloat16> || std::is_same_v<T, c10::Half>, float, T>;

/// So many elements at a time that the intermediate results stay in the first cache.
constexpr size_t kPiece = 1024;

template <typename T>
void reducePiece(ReduceOp op, const void* const* parts, int count, size_t from, size_t elements, T* out) {
  using W = Wide<T>;
  W sum[kPiece];
  const auto part = [&](int index) { return static_cast<const T*>(parts[index]) + from; };
  for (size_t i = 0; i < elements; ++i) sum[i] = static_cast<W>(part(0)[i]);
  for (int index = 1; index < count; ++index) {
    const T* next = part(index);
    switch (op) {
      case ReduceOp::sum:
      case ReduceOp::mean:
        for (size_t i = 0; i < elements; ++i) sum[i] = static_cast<W>(sum[i] + static_cast<W>(next[i]));
        break;
      // A NaN is kept, as torch's own maximum does.
      case ReduceOp::max:
        for (size_t i = 0; i < elements; ++i) {
          const W value = static_cast<W>(next[i]);
          sum[i] = sum[i] > value || sum[i] != sum[i] ? sum[i] : value;
        }
        break;
      case ReduceOp::min:
        for (size_t i = 0; i < elements; ++i) {
          const W value = static_cast<W>(next[i]);
          sum[i] = sum[i] < value || sum[i] != sum[i] ? sum[i] : value;
        }
        break;
    }
  }
  if (op == ReduceOp::mean) {
    for (size_t i = 0; i < elements; ++i) sum[i] = static_cast<W>(sum[i] / static_cast<W>(count));
  }
  for (size_t i = 0; i < elements; ++i) out[from + i] = static_cast<T>(sum[i]);
}

template <typename T>
void reduceAll(ReduceOp op, const void* const* parts, int count, size_t elements, void* out) {
  for (size_t from = 0; from < elements; from += kPiece) {
    reducePiece<T>(op, parts, count, from, std::min(kPiece, elements - from), static_cast<T*>(out));
  }
}

}  // namespace

size_t bytesOf(ElementType type) {
  switch (type) {
    case ElementType::float64:
    case ElementType::int64: return 8;
    case ElementType::float32:
    case ElementType::int32: return 4;
    case ElementType::uint8: return 1;
    default: return 2;
  }
}

void reduce(ReduceOp op, ElementType type, const void* const* parts, int count, size_t elements, void* out) {
  switch (type) {
    case ElementType::float64: return reduceAll<double>(op, parts, count, elements, out);
    case ElementType::float32: return reduceAll<float>(op, parts, count, elements, out);
    case ElementType::bfloat16: return reduceAll<c10::BFloat16>(op, parts, count, elements, out);
    case ElementType::float16: return reduceAll<c10::Half>(op, parts, count, elements, out);
    case ElementType::int64: return reduceAll<int64_t>(op, parts, count, elements, out);
    case ElementType::int32: return reduceAll<int32_t>(op, parts, count, elements, out);
    case ElementType::uint8: return reduceAll<uint8_t>(op, parts, count, elements, out);
  }
}

}  // namespace moelab::dist
