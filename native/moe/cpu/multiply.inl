// Products of whole matrices: which blocks meet in which order, so that they meet in the caches. Included inside the
// namespace of an instruction set.
//
// A stretch of B stays in the second-level cache while all rows of A go by (or all of B does), a group of them in the
// first-level cache while it meets the columns of B. Sums are added to stretch by stretch, in this order whatever the number of threads.

/// Between the rows of C: a power of two would put a tile's rows into the same lines of the first-level cache.
constexpr int64_t gap = 16;

/// Of B, so that it stays in the second-level cache.
constexpr int64_t cachedBytes = 1 << 20;

/// Elements that {@link multiplyStored} needs as room.
template <class Operand>
constexpr int64_t storedRoom = rowGroup * Layout<Operand>::stretch;

/// C = A · B for blocks [block, block + blocks) of B, A being rows of a stored matrix that come from memory.
///
/// @param c      float [rows, ldc]; roundUp(rows, 32) rows are written where operands come in tiles
/// @param after  rows of the same matrix that the thread will need next, or null
template <class Storage, class Operand>
inline void multiplyStored(const Storage* a, int64_t lda, int64_t rows, int64_t summed, const Operand* b,
                           const Columns<Operand>& shape, int64_t block, int64_t blocks, float* c, int64_t ldc,
                           Operand* room, const Storage* after) {
  using Need = Layout<Operand>;
  const bool cached = shape.p * blocks * lanes * int64_t(sizeof(Operand)) <= cachedBytes;
  const int64_t atOnce = cached ? rowGroup : rows;
  for (int64_t first = 0; first < rows; first += atOnce) {
    const int64_t until = least(first + atOnce, rows);
    for (int64_t p = 0; p < summed; p += Need::stretch) {
      const int64_t length = least(Need::stretch, summed - p), stride = shape.stretchAt(p) * lanes;
      for (int64_t row = first; row < until; row += rowGroup) {
        const int64_t count = least(rowGroup, rows - row);
        const Storage* next = row + rowGroup < until         ? a + (row + rowGroup) * lda + p
                              : p + Need::stretch < summed ? a + first * lda + p + Need::stretch
                              : until < rows               ? a + until * lda
                                                           : after;
        const Ahead ahead{reinterpret_cast<const char*>(next), lda * int64_t(sizeof(Storage)), sizeof(Storage),
                          next ? rowGroup : 0};
        const Rows<Operand> group = asRows(a + row * lda + p, lda, count, length, room);
        const auto multiply = [&](auto product) {
          product(group.data, group.ld, count, b + shape.place(p, block), roundUp(length, Need::summed), stride, blocks,
                  c + row * ldc, ldc, ahead);
        };
        if (p == 0) multiply([](auto... with) { product<Into::nothing>(with...); });
        else multiply([](auto... with) { product<Into::sum>(with...); });
      }
    }
  }
}

/// The same for one stretch of B, A being rows [row, row + rows) of an operand in working memory, [p, p + length) of each.
/// @param after  what is needed next of A's, or null
template <class Operand>
inline void multiplyStretch(const Operand* a, int64_t lda, int64_t row, int64_t rows, int64_t p, int64_t length,
                            const Operand* b, int64_t blockStride, int64_t blocks, float* c, int64_t ldc, bool add,
                            const Operand* after) {
  for (int64_t i = 0; i < rows; i += rowGroup) {
    const int64_t count = least(rowGroup, rows - i);
    const Operand* group = a + placeInA(a, lda, row + i, p);
    const Operand* next = i + rowGroup < rows ? a + placeInA(a, lda, row + i + rowGroup, p) : after;
    // A group's stretch of tiles is one piece of memory: as good as rows of its length.
    const int64_t step = Layout<Operand>::summed == 1 ? lda : length;
    const Ahead ahead{reinterpret_cast<const char*>(next), step * int64_t(sizeof(Operand)), sizeof(Operand),
                      next ? rowGroup : 0};
    if (add) product<Into::sum>(group, lda, count, b, length, blockStride, blocks, c + i * ldc, ldc, ahead);
    else product<Into::nothing>(group, lda, count, b, length, blockStride, blocks, c + i * ldc, ldc, ahead);
  }
}

/// All stretches, both operands in working memory.
/// @param more  whether the rows behind these are needed next
template <class Operand>
inline void multiplyPrepared(const Operand* a, int64_t lda, int64_t row, int64_t rows, int64_t summed, const Operand* b,
                             const Columns<Operand>& shape, int64_t block, int64_t blocks, float* c, int64_t ldc,
                             bool more) {
  using Need = Layout<Operand>;
  for (int64_t p = 0; p < summed; p += Need::stretch) {
    const Operand* after = p + Need::stretch < summed ? a + placeInA(a, lda, row, p + Need::stretch)
                           : more                     ? a + placeInA(a, lda, row + roundUp(rows, rowGroup), 0)
                                                      : nullptr;
    multiplyStretch(a, lda, row, rows, p, roundUp(least(Need::stretch, summed - p), Need::summed),
                    b + shape.place(p, block), shape.stretchAt(p) * lanes, blocks, c, ldc, p > 0, after);
  }
}

/// Columns [first, first + columns) of A[row..row + rows] · B into the stored matrix at `to`, which is not read soon; zeros
/// where there is nothing to sum.
template <class Storage, class Operand>
inline void outerProduct(const Operand* a, int64_t summed, int64_t row, int64_t rows, const Operand* b,
                         const Columns<Operand>& shape, int64_t first, int64_t columns, Storage* to, int64_t ld) {
  if (summed == 0) {
    for (int64_t i = 0; i < rows; ++i) __builtin_memset(to + i * ld + first, 0, columns * sizeof(Storage));
    return;
  }
  const int64_t ldc = roundUp(columns, 2 * lanes) + gap;
  const auto sums = static_cast<float*>(threadBuffer(rowGroup * ldc * sizeof(float)));
  for (int64_t i = 0; i < rows; i += rowGroup) {
    const int64_t count = least(rowGroup, rows - i);
    multiplyPrepared(a, summed, row + i, count, summed, b, shape, first / lanes, parts(columns, lanes), sums, ldc,
                     i + rowGroup < rows);
    for (int64_t k = 0; k < count; ++k) {
      const float* from = sums + k * ldc;
      Storage* line = to + (i + k) * ld + first;
      int64_t j = 0;
      for (; j + 2 * lanes <= columns; j += 2 * lanes) storePast(line + j, load(from + j), load(from + j + lanes));
      for (; j < columns; j += lanes) storeFirst(line + j, load(from + j), columns - j);
    }
  }
}
