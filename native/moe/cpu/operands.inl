// How storage (float or bf16 in tensors) becomes the operands of products. Included inside the namespace of an
// instruction set.

inline int64_t roundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }
inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/// What a kind of operand asks of the sizes of a matrix.
template <class Operand>
struct Layout;

template <>
struct Layout<float> {
  static constexpr int64_t summed = 1;    // p comes in multiples of this
  static constexpr int64_t rowCount = 1;  // and rows of A in multiples of this
  static constexpr int64_t side = 16;     // sizes are kept in multiples of this in working memory
};

template <>
struct Layout<Bf16> {
  static constexpr int64_t summed = 32;
  static constexpr int64_t rowCount = 16;
  static constexpr int64_t side = 32;
};

/// Sixteen source rows (null for none) as one block of columns of B, p along the rows. `to` takes
/// roundUp(p, summed) · 16 elements.
template <class Storage>
inline void packRowsAsColumns(const Storage* const rows[16], int64_t p, float* to) {
  for (int64_t first = 0; first < p; first += lanes) {
    const int64_t count = least(lanes, p - first);
    Floats block[16];
    for (int i = 0; i < 16; ++i) block[i] = rows[i] ? loadFirst(rows[i] + first, count) : Floats{};
    transpose(block);
    for (int64_t i = 0; i < count; ++i) store(to + (first + i) * lanes, block[i]);
  }
}

inline void packRowsAsColumns(const Bf16* const rows[16], int64_t p, Bf16* to) {
  constexpr int64_t wide = 32;
  for (int64_t first = 0; first < p; first += wide) {
    const int64_t count = least(wide, p - first);
    Words block[16] = {};
    for (int i = 0; i < 16; ++i) {
      if (rows[i]) __builtin_memcpy(&block[i], rows[i] + first, count * sizeof(Bf16));
    }
    transpose(block);
    __builtin_memcpy(to + first * 16, block, sizeof block);
  }
}

/// Two rows of sixteen columns as they lie in a packed block.
inline void storePair(float* to, Floats even, Floats odd) {
  store(to, even);
  store(to + lanes, odd);
}

inline void storePair(Bf16* to, Floats even, Floats odd) {
#if defined(__AVX512BF16__)
  // Lower halves of the result come from the second operand.
  const auto both = bitsOf<__m512i>(_mm512_cvtne2ps_pbh(bitsOf<__m512>(odd), bitsOf<__m512>(even)));
  alignas(64) static constexpr uint16_t interleave[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                         8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i pairs = _mm512_permutexvar_epi16(_mm512_load_si512(interleave), both);
#else
  const Words pairs = roundedToBf16(even) | roundedToBf16(odd) << 16;
#endif
  __builtin_memcpy(to, &pairs, sizeof pairs);
}

inline void packPair(const float* even, const float* odd, int64_t columns, float* to) {
  storePair(to, even ? loadFirst(even, columns) : Floats{}, odd ? loadFirst(odd, columns) : Floats{});
}

inline void packPair(const Bf16* even, const Bf16* odd, int64_t columns, float* to) {
  storePair(to, even ? loadFirst(even, columns) : Floats{}, odd ? loadFirst(odd, columns) : Floats{});
}

inline void packPair(const Bf16* even, const Bf16* odd, int64_t columns, Bf16* to) {
  Halves low = {}, high = {};
  const int64_t bytes = least(columns, lanes) * sizeof(Bf16);
  if (columns >= lanes) {
    if (even) __builtin_memcpy(&low, even, sizeof low);
    if (odd) __builtin_memcpy(&high, odd, sizeof high);
  } else {
    if (even) __builtin_memcpy(&low, even, bytes);
    if (odd) __builtin_memcpy(&high, odd, bytes);
  }
  const Words pairs = __builtin_convertvector(low, Words) | __builtin_convertvector(high, Words) << 16;
  __builtin_memcpy(to, &pairs, sizeof pairs);
}

/// A row-major matrix [p, columns] as B. Rows from p to `paddedP` (even) are zeros.
template <class Storage, class Operand>
inline void packMatrix(const Storage* from, int64_t ld, int64_t p, int64_t paddedP, int64_t columns, Operand* to) {
  constexpr int64_t ahead = 16;  // rows; each is elsewhere in memory
  const int64_t even = roundUp(paddedP, 2);
  for (int64_t row = 0; row < even; row += 2) {
    if (row + ahead + 1 < p) {
      for (int64_t j = 0; j < columns; j += 64 / sizeof(Storage)) {
        __builtin_prefetch(from + (row + ahead) * ld + j, 0, 2);
        __builtin_prefetch(from + (row + ahead + 1) * ld + j, 0, 2);
      }
    }
    const Storage* upper = row < p ? from + row * ld : nullptr;
    const Storage* lower = row + 1 < p ? from + (row + 1) * ld : nullptr;
    for (int64_t j = 0; j < columns; j += lanes) {
      packPair(upper ? upper + j : nullptr, lower ? lower + j : nullptr, columns - j,
               to + (j / lanes) * even * lanes + row * lanes);
    }
  }
}

/// Elements between two blocks of columns that {@link packMatrix} writes.
inline int64_t packedBlock(int64_t paddedP) { return roundUp(paddedP, 2) * lanes; }

/// Rows of a stored matrix as A: where they lie if they can be used so, else converted and padded in `room`
/// (roundUp(rows, rowCount) · roundUp(columns, summed) elements).
template <class Operand>
struct Rows {
  const Operand* data;
  int64_t ld;
};

inline Rows<float> asRows(const float* from, int64_t ld, int64_t, int64_t, float*) { return {from, ld}; }

inline Rows<float> asRows(const Bf16* from, int64_t ld, int64_t rows, int64_t columns, float* room) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; j += lanes)
      storeFirst(room + i * columns + j, loadFirst(from + i * ld + j, columns - j), columns - j);
  }
  return {room, columns};
}

inline Rows<Bf16> asRows(const Bf16* from, int64_t ld, int64_t rows, int64_t columns, Bf16* room) {
  using Need = Layout<Bf16>;
  if (rows % Need::rowCount == 0 && columns % Need::summed == 0) return {from, ld};
  const int64_t padded = roundUp(columns, Need::summed);
  __builtin_memset(room, 0, roundUp(rows, Need::rowCount) * padded * sizeof(Bf16));
  for (int64_t i = 0; i < rows; ++i) __builtin_memcpy(room + i * padded, from + i * ld, columns * sizeof(Bf16));
  return {room, padded};
}
