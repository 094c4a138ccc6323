// Products of blocks, C[i, j] = Σ_p A[i, p] · B[p, j], accumulated in float32. Included inside the namespace of an
// instruction set.
//
// A is row-major. B is packed: blocks of 16 columns, in each block p runs slowest: for float [p][16], for bf16 [p/2][16][2]
// as the tile registers take it. C is row-major float with whole blocks of 16 columns.

/// Whether the rows of A come from memory for the only time, such as weights: then those of the next group are fetched
/// while one is computed, which processors do not find out by themselves from so many rows at once.
enum class Source { cache, memory };

/// Fetches the group of rows behind that at a, a share of it with each pass over a's.
template <class Element>
struct Ahead {
  const Element* next;
  int64_t ld, rows;

  /// The share of blocks [first, last) of `count`.
  Ahead(const Element* a, int64_t lda, int64_t group, int64_t first, int64_t last, int64_t count)
      : next(a + (group + group * first / count) * lda), ld(lda), rows(group * last / count - group * first / count) {}

  void fetch(int64_t column) const {
    for (int64_t i = 0; i < rows; ++i) __builtin_prefetch(next + i * ld + column, 0, 2);
  }
};

/// Whether products replace what C holds or are added to it.
enum class Into { nothing, sum };

/// One group of rows against up to three blocks of columns, all sums in registers.
template <Source source, Into into, int rowCount, int blockCount>
inline void floatBlock(const float* a, int64_t lda, const float* b, int64_t p, int64_t blockStride, float* c, int64_t ldc,
                       const Ahead<float>& ahead) {
  Floats sums[rowCount][blockCount];
  for (int i = 0; i < rowCount; ++i) {
    for (int j = 0; j < blockCount; ++j) sums[i][j] = into == Into::sum ? load(c + i * ldc + j * lanes) : Floats{};
  }
  for (int64_t step = 0; step < p; ++step) {
    if (source == Source::memory && step % lanes == 0) ahead.fetch(step);
    Floats columns[blockCount];
    for (int j = 0; j < blockCount; ++j) columns[j] = load(b + j * blockStride + step * lanes);
    for (int i = 0; i < rowCount; ++i) {
      const float factor = a[i * lda + step];
      for (int j = 0; j < blockCount; ++j) sums[i][j] += columns[j] * factor;
    }
  }
  for (int i = 0; i < rowCount; ++i) {
    for (int j = 0; j < blockCount; ++j) store(c + i * ldc + j * lanes, sums[i][j]);
  }
}

template <Source source, Into into, int rowCount>
inline void floatRows(const float* a, int64_t lda, const float* b, int64_t p, int64_t blockStride, int64_t blocks, float* c,
                      int64_t ldc) {
  int64_t j = 0;
  const auto at = [&](int64_t block) { return b + block * blockStride; };
  // The widest that the registers hold.
#if defined(__AVX512F__)
  for (; j + 3 <= blocks && j + 4 != blocks; j += 3)
    floatBlock<source, into, rowCount, 3>(a, lda, at(j), p, blockStride, c + j * lanes, ldc,
                                    {a, lda, rowCount, j, j + 3, blocks});
  for (; j + 2 <= blocks; j += 2)
    floatBlock<source, into, rowCount, 2>(a, lda, at(j), p, blockStride, c + j * lanes, ldc,
                                    {a, lda, rowCount, j, j + 2, blocks});
#endif
  for (; j < blocks; ++j)
    floatBlock<source, into, rowCount, 1>(a, lda, at(j), p, blockStride, c + j * lanes, ldc, 
                                    {a, lda, rowCount, j, j + 1, blocks});
}

/// @param blockStride elements from one block of columns of B to the next
template <Source source, Into into>
inline void product(const float* a, int64_t lda, int64_t rows, const float* b, int64_t p, int64_t blockStride,
                    int64_t blocks, float* c, int64_t ldc) {
#if defined(__AVX512F__)
  constexpr int64_t most = 8;
#else
  constexpr int64_t most = 4;
#endif
  int64_t i = 0;
  for (; i + most <= rows; i += most)
    floatRows<source, into, most>(a + i * lda, lda, b, p, blockStride, blocks, c + i * ldc, ldc);
  for (; i + 4 <= rows; i += 4)
    floatRows<source, into, 4>(a + i * lda, lda, b, p, blockStride, blocks, c + i * ldc, ldc);
  for (; i < rows; ++i) floatRows<source, into, 1>(a + i * lda, lda, b, p, blockStride, blocks, c + i * ldc, ldc);
}

#if defined(__AMX_BF16__)

/// Holds the tile registers of this thread: eight tiles of 16 rows of 64 bytes.
class Tiles {
 public:
  Tiles() {
    struct alignas(64) {
      uint8_t palette = 1;
      uint8_t startRow = 0;
      uint8_t reserved[14] = {};
      uint16_t rowBytes[16] = {};
      uint8_t rows[16] = {};
    } configuration;
    for (int tile = 0; tile < 8; ++tile) {
      configuration.rowBytes[tile] = 64;
      configuration.rows[tile] = 16;
    }
    _tile_loadconfig(&configuration);
  }
  ~Tiles() { _tile_release(); }
};

constexpr int64_t pairs = 32;  // elements of p in a tile

/// 32 or 16 rows against two blocks or one. Tiles 0-3 are sums, 4 and 5 rows of A, 6 and 7 blocks of B.
template <Source source, Into into, bool twoRows, bool twoBlocks>
inline void tileBlock(const Bf16* a, int64_t lda, const Bf16* b, int64_t p, int64_t blockStride, float* c, int64_t ldc,
                      const Ahead<Bf16>& ahead) {
  const int64_t strideA = lda * sizeof(Bf16), strideC = ldc * sizeof(float);
  float* const below = c + 16 * ldc;
  if constexpr (into == Into::sum) {
    _tile_loadd(0, c, strideC);
    if constexpr (twoBlocks) _tile_loadd(1, c + 16, strideC);
    if constexpr (twoRows) _tile_loadd(2, below, strideC);
    if constexpr (twoRows && twoBlocks) _tile_loadd(3, below + 16, strideC);
  } else {
    _tile_zero(0);
    if constexpr (twoBlocks) _tile_zero(1);
    if constexpr (twoRows) _tile_zero(2);
    if constexpr (twoRows && twoBlocks) _tile_zero(3);
  }
  for (int64_t step = 0; step < p; step += pairs) {
    if constexpr (source == Source::memory) ahead.fetch(step);
    _tile_loadd(4, a + step, strideA);
    _tile_loadd(6, b + step * 16, 64);
    if constexpr (twoRows) _tile_loadd(5, a + 16 * lda + step, strideA);
    if constexpr (twoBlocks) _tile_loadd(7, b + blockStride + step * 16, 64);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (twoBlocks) _tile_dpbf16ps(1, 4, 7);
    if constexpr (twoRows) _tile_dpbf16ps(2, 5, 6);
    if constexpr (twoRows && twoBlocks) _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, c, strideC);
  if constexpr (twoBlocks) _tile_stored(1, c + 16, strideC);
  if constexpr (twoRows) _tile_stored(2, below, strideC);
  if constexpr (twoRows && twoBlocks) _tile_stored(3, below + 16, strideC);
}

template <Source source, Into into, bool twoRows>
inline void tileRows(const Bf16* a, int64_t lda, const Bf16* b, int64_t p, int64_t blockStride, int64_t blocks, float* c,
                     int64_t ldc) {
  constexpr int64_t group = twoRows ? 32 : 16;
  int64_t j = 0;
  for (; j + 2 <= blocks; j += 2)
    tileBlock<source, into, twoRows, true>(a, lda, b + j * blockStride, p, blockStride, c + j * 16, ldc,
                                     {a, lda, group, j, j + 2, blocks});
  if (j < blocks)
    tileBlock<source, into, twoRows, false>(a, lda, b + j * blockStride, p, blockStride, c + j * 16, ldc,
                                      {a, lda, group, j, blocks, blocks});
}

/// Rows come in sixteens, p in multiples of 32; the thread holds {@link Tiles}.
template <Source source, Into into>
inline void product(const Bf16* a, int64_t lda, int64_t rows, const Bf16* b, int64_t p, int64_t blockStride,
                    int64_t blocks, float* c, int64_t ldc) {
  int64_t i = 0;
  for (; i + 32 <= rows; i += 32)
    tileRows<source, into, true>(a + i * lda, lda, b, p, blockStride, blocks, c + i * ldc, ldc);
  if (i < rows) tileRows<source, into, false>(a + i * lda, lda, b, p, blockStride, blocks, c + i * ldc, ldc);
}

#endif
