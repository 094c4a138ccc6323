// Products of blocks, C[i, j] = Σ_p A[i, p] · B[p, j], accumulated in float32. Included inside the namespace of an
// instruction set. How A and B lie in memory is said in operands.inl; C is row-major float with whole blocks of 16
// columns, and where A comes in tiles, with whole groups of 32 rows.

/// Whether products replace what C holds or are added to it.
enum class Into { nothing, sum };

/// Rows that are needed next and come from memory: they are fetched while others are computed, which processors do not
/// find out by themselves from so many rows at once.
struct Ahead {
  const char* next = nullptr;
  int64_t ld = 0;     // bytes from row to row
  int64_t width = 0;  // bytes of an element
  int64_t rows = 0;   // none: nothing to fetch

  /// What the blocks of columns [first, last) of `count` fetch.
  Ahead share(int64_t first, int64_t last, int64_t count) const {
    const int64_t from = rows * first / count;
    return {next + from * ld, ld, width, rows * last / count - from};
  }

  /// `elements` (at most 64 bytes, or whole lines) from p on, of each row.
  void fetch(int64_t p, int64_t elements) const {
    for (int64_t i = 0; i < rows; ++i) {
      const char* from = next + i * ld + p * width;
      for (int64_t byte = 0; byte < elements * width; byte += 64) __builtin_prefetch(from + byte, 0, 2);
    }
  }
};

/// One group of rows against up to three blocks of columns, all sums in registers.
template <Into into, int rowCount, int blockCount>
inline void floatBlock(const float* a, int64_t lda, const float* b, int64_t p, int64_t blockStride, float* c, int64_t ldc,
                       const Ahead& ahead) {
  Floats sums[rowCount][blockCount];
  for (int i = 0; i < rowCount; ++i) {
    for (int j = 0; j < blockCount; ++j) sums[i][j] = into == Into::sum ? load(c + i * ldc + j * lanes) : Floats{};
  }
  const auto step = [&](int64_t at) {
    Floats columns[blockCount];
    for (int j = 0; j < blockCount; ++j) columns[j] = load(b + j * blockStride + at * lanes);
    for (int i = 0; i < rowCount; ++i) {
      const float factor = a[i * lda + at];
      for (int j = 0; j < blockCount; ++j) sums[i][j] += columns[j] * factor;
    }
  };
  int64_t at = 0;
  for (; at + lanes <= p; at += lanes) {
    ahead.fetch(at, lanes);
    for (int64_t k = 0; k < lanes; ++k) step(at + k);
  }
  for (; at < p; ++at) step(at);
  for (int i = 0; i < rowCount; ++i) {
    for (int j = 0; j < blockCount; ++j) store(c + i * ldc + j * lanes, sums[i][j]);
  }
}

template <Into into, int rowCount>
inline void floatRows(const float* a, int64_t lda, const float* b, int64_t p, int64_t blockStride, int64_t blocks, float* c,
                      int64_t ldc, const Ahead& ahead) {
  int64_t j = 0;
  const auto at = [&](int64_t block) { return b + block * blockStride; };
  // The widest that the registers hold.
#if defined(__AVX512F__)
  for (; j + 3 <= blocks && j + 4 != blocks; j += 3)
    floatBlock<into, rowCount, 3>(a, lda, at(j), p, blockStride, c + j * lanes, ldc, ahead.share(j, j + 3, blocks));
  for (; j + 2 <= blocks; j += 2)
    floatBlock<into, rowCount, 2>(a, lda, at(j), p, blockStride, c + j * lanes, ldc, ahead.share(j, j + 2, blocks));
#endif
  for (; j < blocks; ++j)
    floatBlock<into, rowCount, 1>(a, lda, at(j), p, blockStride, c + j * lanes, ldc, ahead.share(j, j + 1, blocks));
}

/// @param blockStride elements from one block of columns of B to the next
template <Into into>
inline void product(const float* a, int64_t lda, int64_t rows, const float* b, int64_t p, int64_t blockStride,
                    int64_t blocks, float* c, int64_t ldc, const Ahead& ahead) {
#if defined(__AVX512F__)
  constexpr int64_t most = 8;
#else
  constexpr int64_t most = 4;
#endif
  int64_t i = 0;
  for (; i + most <= rows; i += most)
    floatRows<into, most>(a + i * lda, lda, b, p, blockStride, blocks, c + i * ldc, ldc, ahead.share(i, i + most, rows));
  for (; i + 4 <= rows; i += 4)
    floatRows<into, 4>(a + i * lda, lda, b, p, blockStride, blocks, c + i * ldc, ldc, ahead.share(i, i + 4, rows));
  for (; i < rows; ++i)
    floatRows<into, 1>(a + i * lda, lda, b, p, blockStride, blocks, c + i * ldc, ldc, ahead.share(i, i + 1, rows));
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

/// Bytes from one tile of A or B to the next of the same part, and of a part.
constexpr int64_t tileBytes = 1024;

/// Tiles 4 and 5 are rows of A, 6 and 7 blocks of B.
template <bool twoRows>
inline void loadRowTiles(const char* a, int64_t below) {
  _tile_loadd(4, a, 64);
  if constexpr (twoRows) _tile_loadd(5, a + below, 64);
}

template <bool twoBlocks>
inline void loadBlockTiles(const char* b, int64_t beside) {
  _tile_loadd(6, b, 64);
  if constexpr (twoBlocks) _tile_loadd(7, b + beside, 64);
}

template <bool twoRows, bool twoBlocks>
inline void multiplyTiles() {
  _tile_dpbf16ps(0, 4, 6);
  if constexpr (twoBlocks) _tile_dpbf16ps(1, 4, 7);
  if constexpr (twoRows) _tile_dpbf16ps(2, 5, 6);
  if constexpr (twoRows && twoBlocks) _tile_dpbf16ps(3, 5, 7);
}

template <bool twoRows, bool twoBlocks>
inline void tileStep(const Bf16* a, const Bf16* b, int64_t blockStride) {
  loadRowTiles<twoRows>(reinterpret_cast<const char*>(a), tileBytes);
  loadBlockTiles<twoBlocks>(reinterpret_cast<const char*>(b), blockStride * sizeof(Bf16));
  multiplyTiles<twoRows, twoBlocks>();
}

/// The six largest of the nine products of the parts, in an order in which few tiles are loaded twice.
template <bool twoRows, bool twoBlocks>
inline void tileStep(const Bf16Parts* a, const Bf16Parts* b, int64_t blockStride) {
  const auto rows = reinterpret_cast<const char*>(a), blocks = reinterpret_cast<const char*>(b);
  constexpr int64_t below = 3 * tileBytes, high = 0, middle = tileBytes, low = 2 * tileBytes;
  const int64_t beside = blockStride * sizeof(Bf16Parts);
  loadRowTiles<twoRows>(rows + high, below);
  loadBlockTiles<twoBlocks>(blocks + low, beside);
  multiplyTiles<twoRows, twoBlocks>();
  loadBlockTiles<twoBlocks>(blocks + middle, beside);
  multiplyTiles<twoRows, twoBlocks>();
  loadRowTiles<twoRows>(rows + middle, below);
  multiplyTiles<twoRows, twoBlocks>();
  loadBlockTiles<twoBlocks>(blocks + high, beside);
  multiplyTiles<twoRows, twoBlocks>();
  loadRowTiles<twoRows>(rows + low, below);
  multiplyTiles<twoRows, twoBlocks>();
  loadRowTiles<twoRows>(rows + high, below);
  multiplyTiles<twoRows, twoBlocks>();
}

/// 32 or 16 rows against two blocks or one. Tiles 0 to 3 are sums.
template <Into into, bool twoRows, bool twoBlocks, class Operand>
inline void tileBlock(const Operand* a, const Operand* b, int64_t p, int64_t blockStride, float* c, int64_t ldc,
                      const Ahead& ahead) {
  const int64_t strideC = ldc * sizeof(float);
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
  for (int64_t step = 0; step < p; step += tileDepth) {
    ahead.fetch(step, tileDepth);
    tileStep<twoRows, twoBlocks>(a + step * rowGroup, b + step * lanes, blockStride);
  }
  _tile_stored(0, c, strideC);
  if constexpr (twoBlocks) _tile_stored(1, c + 16, strideC);
  if constexpr (twoRows) _tile_stored(2, below, strideC);
  if constexpr (twoRows && twoBlocks) _tile_stored(3, below + 16, strideC);
}

template <Into into, bool twoRows, class Operand>
inline void tileRows(const Operand* a, const Operand* b, int64_t p, int64_t blockStride, int64_t blocks, float* c,
                     int64_t ldc, const Ahead& ahead) {
  int64_t j = 0;
  for (; j + 2 <= blocks; j += 2)
    tileBlock<into, twoRows, true>(a, b + j * blockStride, p, blockStride, c + j * lanes, ldc,
                                   ahead.share(j, j + 2, blocks));
  if (j < blocks)
    tileBlock<into, twoRows, false>(a, b + j * blockStride, p, blockStride, c + j * lanes, ldc,
                                    ahead.share(j, blocks, blocks));
}

/// p in multiples of 32; the thread holds {@link Tiles}.
template <Into into, class Operand>
inline void product(const Operand* a, int64_t lda, int64_t rows, const Operand* b, int64_t p, int64_t blockStride,
                    int64_t blocks, float* c, int64_t ldc, const Ahead& ahead) {
  for (int64_t i = 0; i < rows; i += rowGroup) {
    const Ahead share = ahead.share(i, least(i + rowGroup, rows), rows);
    if (i + 16 < rows) tileRows<into, true>(a + i * lda, b, p, blockStride, blocks, c + i * ldc, ldc, share);
    else tileRows<into, false>(a + i * lda, b, p, blockStride, blocks, c + i * ldc, ldc, share);
  }
}

#endif
