// How storage (float or bf16 in tensors) becomes the operands of products. Included inside the namespace of an
// instruction set.
//
// Kinds of operands: float; where there are tile registers, Bf16 for bf16, and Bf16Parts for float32: a number as the sum of
// three bf16 numbers, which together have all 24 bits of its significand (Henry, Tang, Heinecke, arXiv:1904.06376). The six
// largest of the nine products of two such numbers give their product within 2⁻²³ or so, in half the time that
// vector instructions take. Infinities become NaN on this way.
//
// A, the left operand. Float: row-major. Others: groups of 32 rows; in each, for every 32 elements of p, the two tiles of 16
// rows of 64 bytes, one after another (of Bf16Parts the high parts' tile, the middle ones', the low ones').
//
// B, the right operand: p in stretches of Layout::stretch, in each the blocks of 16 columns one after another, in each block
// p runs slowest: float [p][16], others as the tile registers take it, [p/2][16][2] (of Bf16Parts for every 32 elements of p
// the three parts one after another).

inline int64_t roundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }
inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
inline int64_t parts(int64_t size, int64_t part) { return (size + part - 1) / part; }

constexpr int64_t rowGroup = 32;   // rows of A that are computed together
constexpr int64_t tileDepth = 32;  // elements of p in a tile

struct Bf16Parts {
  uint16_t high, middle, low;
};

/// What a kind of operand asks of the sizes of a matrix.
template <class Operand>
struct Layout {
  static constexpr int64_t summed = tileDepth;  // p comes in multiples of this
  static constexpr int64_t side = 32;           // sizes are kept in multiples of this in working memory
  /// Of p, so that a group of rows stays in the first-level cache while it meets B.
  static constexpr int64_t stretch = sizeof(Operand) == sizeof(Bf16) ? 256 : 64;
};

template <>
struct Layout<float> {
  static constexpr int64_t summed = 1;
  static constexpr int64_t side = 16;
  static constexpr int64_t stretch = 256;
};

/// With eight bits of significand; halves away from zero.
inline Floats nearestBf16(Floats x) { return bitsOf<Floats>((bitsOf<Words>(x) + 0x8000) & 0xffff0000); }

/// The upper sixteen bits of 32 words.
inline Words upperHalves(Floats first, Floats second) {
#if defined(__AVX512BW__)
  alignas(64) static constexpr uint16_t odd[32] = {1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
                                                   33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
  return bitsOf<Words>(
      _mm512_permutex2var_epi16(bitsOf<__m512i>(first), _mm512_load_si512(odd), bitsOf<__m512i>(second)));
#else
  const Halves halves[2] = {__builtin_convertvector(bitsOf<Words>(first) >> 16, Halves),
                            __builtin_convertvector(bitsOf<Words>(second) >> 16, Halves)};
  Words both;
  __builtin_memcpy(&both, halves, sizeof both);
  return both;
#endif
}

/// 32 elements as pairs of bf16, of which each tile row has sixteen; for Bf16Parts one such row of each part.
template <class Operand>
struct TileRow;

template <>
struct TileRow<Bf16> {
  static constexpr int count = 1;
  Words part[1];
  TileRow() = default;
  TileRow(Floats first, Floats second) { storeTwo(reinterpret_cast<Bf16*>(part), first, second); }
  explicit TileRow(const Bf16* from) { __builtin_memcpy(part, from, sizeof part); }
};

template <>
struct TileRow<Bf16Parts> {
  static constexpr int count = 3;
  Words part[3];
  TileRow() = default;
  TileRow(Floats first, Floats second) {
    // Each part is rounded to nearest, so that what is left is small and of either sign; the last one is exact.
    for (int i = 0; i < 2; ++i) {
      const Floats rounded[2] = {nearestBf16(first), nearestBf16(second)};
      part[i] = upperHalves(rounded[0], rounded[1]);
      first -= rounded[0];
      second -= rounded[1];
    }
    part[2] = upperHalves(first, second);
  }
  explicit TileRow(const float* from) : TileRow(load(from), load(from + lanes)) {}
};

/// The first `count` elements, zeros behind them.
template <class Operand, class Storage>
inline TileRow<Operand> tileRow(const Storage* from, int64_t count) {
  if (count >= tileDepth) return TileRow<Operand>(from);
  Storage buffer[tileDepth] = {};
  for (int64_t i = 0; i < count; ++i) buffer[i] = from[i];
  return TileRow<Operand>(buffer);
}

// ---- A

/// Where A's element [row, p] lies, p a multiple of `summed`; of tiles the group's, row a multiple of 32. `ld` is the number of
/// elements of a row, of tiles a multiple of 32.
inline int64_t placeInA(const float*, int64_t ld, int64_t row, int64_t p) { return row * ld + p; }
template <class Operand>
inline int64_t placeInA(const Operand*, int64_t ld, int64_t row, int64_t p) {
  return row * ld + p * rowGroup;
}

/// Where the row of a tile lies that holds A's elements [row, p..p + 32).
template <class Operand>
inline char* placeInTile(Operand* a, int64_t ld, int64_t row, int64_t p) {
  return reinterpret_cast<char*>(a + row / rowGroup * rowGroup * ld + p / tileDepth * tileDepth * rowGroup) +
         row % rowGroup / 16 * 16 * tileDepth * sizeof(Operand) + row % 16 * 64;
}

/// A[row, p..p + 32), p a multiple of 32.
inline void putRow(float* a, int64_t ld, int64_t row, int64_t p, Floats first, Floats second) {
  storeTwo(a + row * ld + p, first, second);
}
template <class Operand>
inline void putRow(Operand* a, int64_t ld, int64_t row, int64_t p, Floats first, Floats second) {
  const TileRow<Operand> from(first, second);
  char* to = placeInTile(a, ld, row, p);
  for (int i = 0; i < from.count; ++i) __builtin_memcpy(to + i * 1024, from.part + i, 64);
}

/// A[row, p..p + 16), p a multiple of 16.
inline void putHalfRow(float* a, int64_t ld, int64_t row, int64_t p, Floats values) { store(a + row * ld + p, values); }
template <class Operand>
inline void putHalfRow(Operand* a, int64_t ld, int64_t row, int64_t p, Floats values) {
  const TileRow<Operand> from(values, Floats{});
  char* to = placeInTile(a, ld, row, p) + p % tileDepth * sizeof(Bf16);
  for (int i = 0; i < from.count; ++i) __builtin_memcpy(to + i * 1024, from.part + i, 32);
}

/// Transposes two times sixteen columns into A[column.., p..p + 16).
template <class Operand>
inline void putColumns(Floats tiles[2][16], Operand* a, int64_t ld, int64_t column, int64_t p) {
  for (int64_t half = 0; half < 2; ++half) {
    transpose(tiles[half]);
    for (int64_t k = 0; k < 16; ++k) putHalfRow(a, ld, column + half * lanes + k, p, tiles[half][k]);
  }
}

/// A's rows as a product takes them.
template <class Operand>
struct Rows {
  const Operand* data;
  int64_t ld;
};

/// Rows of a stored matrix as A: where they lie if they can be used so, else in `room`, which takes
/// roundUp(rows, 32) · roundUp(columns, summed) elements.
inline Rows<float> asRows(const float* from, int64_t ld, int64_t, int64_t, float*) { return {from, ld}; }

inline Rows<float> asRows(const Bf16* from, int64_t ld, int64_t rows, int64_t columns, float* room) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; j += lanes)
      storeFirst(room + i * columns + j, loadFirst(from + i * ld + j, columns - j), columns - j);
  }
  return {room, columns};
}

template <class Storage, class Operand>
inline Rows<Operand> asRows(const Storage* from, int64_t ld, int64_t rows, int64_t columns, Operand* room) {
  const int64_t padded = roundUp(columns, tileDepth);
  constexpr int count = TileRow<Operand>::count;
  for (int64_t p = 0; p < padded; p += tileDepth) {
    for (int64_t first = 0; first < rows; first += 16) {
      char* to = placeInTile(room, padded, first, p);
      const int64_t there = columns - p < tileDepth ? 0 : least(16, rows - first);
      for (int64_t i = 0; i < there; ++i) {
        const TileRow<Operand> row(from + (first + i) * ld + p);
        for (int part = 0; part < count; ++part) __builtin_memcpy(to + part * 1024 + i * 64, row.part + part, 64);
      }
      for (int64_t i = there; i < 16; ++i) {
        const auto row = first + i < rows ? tileRow<Operand>(from + (first + i) * ld + p, columns - p) : TileRow<Operand>();
        for (int part = 0; part < count; ++part) __builtin_memcpy(to + part * 1024 + i * 64, row.part + part, 64);
      }
    }
  }
  return {room, padded};
}

// ---- B

/// B's measures: elements of p, padded, and blocks of 16 columns.
template <class Operand>
struct Columns {
  int64_t p, blocks;

  Columns(int64_t p, int64_t blocks) : p(paddedP(p)), blocks(blocks) {}
  static int64_t paddedP(int64_t p) { return roundUp(p, most(Layout<Operand>::summed, 2)); }

  int64_t elements() const { return p * blocks * lanes; }
  /// Length of the stretch that begins at p.
  int64_t stretchAt(int64_t from) const { return least(Layout<Operand>::stretch, p - from); }
  /// Where the block of columns begins in the stretch of p.
  int64_t place(int64_t of, int64_t block) const {
    const int64_t first = of / Layout<Operand>::stretch * Layout<Operand>::stretch;
    return (first * blocks + block * stretchAt(first)) * lanes;
  }
};

/// Two rows of sixteen columns, p even, into a block of a stretch of which p is counted from the beginning.
inline void putPair(float* block, int64_t p, Floats even, Floats odd) {
  store(block + p * lanes, even);
  store(block + (p + 1) * lanes, odd);
}

template <class Operand>
inline void putPair(Operand* block, int64_t p, Floats even, Floats odd) {
  const TileRow<Operand> row(even, odd);
  char* to = reinterpret_cast<char*>(block + p / tileDepth * tileDepth * lanes) + p % tileDepth * lanes * sizeof(Bf16);
  for (int i = 0; i < row.count; ++i) {
#if defined(__AVX512BW__)
    alignas(64) static constexpr uint16_t order[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                       8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const __m512i pairs = _mm512_permutexvar_epi16(_mm512_load_si512(order), bitsOf<__m512i>(row.part[i]));
#else
    Halves halves[2];
    __builtin_memcpy(halves, row.part + i, sizeof halves);
    const Words pairs = __builtin_convertvector(halves[0], Words) | __builtin_convertvector(halves[1], Words) << 16;
#endif
    __builtin_memcpy(to + i * 1024, &pairs, sizeof pairs);
  }
}

/// The same from storage; null for zeros.
template <class Storage, class Operand>
inline void packPair(const Storage* even, const Storage* odd, int64_t columns, Operand* block, int64_t p) {
  putPair(block, p, even ? loadFirst(even, columns) : Floats{}, odd ? loadFirst(odd, columns) : Floats{});
}

inline void packPair(const Bf16* even, const Bf16* odd, int64_t columns, Bf16* block, int64_t p) {
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
  __builtin_memcpy(block + p * lanes, &pairs, sizeof pairs);
}

/// A row-major matrix [rows, columns] as one stretch of B, padded with zeros.
template <class Storage, class Operand>
inline void packMatrix(const Storage* from, int64_t ld, int64_t rows, int64_t columns, Operand* to) {
  constexpr int64_t ahead = 16;  // rows; each is elsewhere in memory
  const int64_t even = Columns<Operand>::paddedP(rows);
  for (int64_t row = 0; row < even; row += 2) {
    if (row + ahead + 1 < rows) {
      for (int64_t j = 0; j < columns; j += 64 / sizeof(Storage)) {
        __builtin_prefetch(from + (row + ahead) * ld + j, 0, 2);
        __builtin_prefetch(from + (row + ahead + 1) * ld + j, 0, 2);
      }
    }
    const Storage* upper = row < rows ? from + row * ld : nullptr;
    const Storage* lower = row + 1 < rows ? from + (row + 1) * ld : nullptr;
    for (int64_t j = 0; j < columns; j += lanes)
      packPair(upper ? upper + j : nullptr, lower ? lower + j : nullptr, columns - j, to + j * even, row);
  }
}

/// Sixteen source rows (null for none) as a block of columns of B, p along the rows.
template <class Storage>
inline void packRowsAsColumns(const Storage* const rows[16], int64_t p, const Columns<float>& shape, int64_t block,
                              float* b) {
  for (int64_t first = 0; first < p; first += lanes) {
    const int64_t count = least(lanes, p - first);
    Floats tile[16];
    for (int i = 0; i < 16; ++i) tile[i] = rows[i] ? loadFirst(rows[i] + first, count) : Floats{};
    transpose(tile);
    float* to = b + shape.place(first, block) + first % Layout<float>::stretch * lanes;
    for (int64_t i = 0; i < count; ++i) store(to + i * lanes, tile[i]);
  }
}

template <class Storage, class Operand>
inline void packRowsAsColumns(const Storage* const rows[16], int64_t p, const Columns<Operand>& shape, int64_t block,
                              Operand* b) {
  for (int64_t first = 0; first < p; first += tileDepth) {
    constexpr int count = TileRow<Operand>::count;
    Words tile[count][16] = {};
    for (int i = 0; i < 16; ++i) {
      if (!rows[i]) continue;
      const auto row = tileRow<Operand>(rows[i] + first, p - first);
      for (int part = 0; part < count; ++part) tile[part][i] = row.part[part];
    }
    Operand* to = b + shape.place(first, block) + first % Layout<Operand>::stretch * lanes;
    for (int part = 0; part < count; ++part) {
      transpose(tile[part]);
      __builtin_memcpy(reinterpret_cast<char*>(to) + part * 1024, tile[part], sizeof tile[part]);
    }
  }
}
