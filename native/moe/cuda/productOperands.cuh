#pragma once

// What a block of a grouped product multiplies: where the lines of its two operands' tiles lie in memory.

#include "elements.cuh"
#include "groupedProduct.h"

namespace moelab::cuda {

/// What is summed over: columns of both operands (weights), columns of the left and rows of the right one (transposed
/// weights), or rows of both (outer products).
enum class Form { weights, transposed, outer };

constexpr int tileColumns = 128;
constexpr int productThreads = 128;

struct Problem {
  Gathered a, b;
  const int32_t* offset;
  int64_t padded;
  const RowTile* tiles;
  int64_t rowTiles, columnTiles;  // of the grid; for outer products of each expert
  int64_t m, n, summed;           // of an expert's product; m only for outer products, summed not for them
  int64_t expertStride;           // elements from one expert's right operand to the next's
  bool gated;                     // rows of weights in the order of gatedRow
  // What becomes of the result: see productResults.cuh.
  void *out, *activated;
  const void* preactivation;
  const float* rowWeight;
  float* weightParts;
  int64_t rows, hidden;
  FfnActivation activation;
};

/// Rows, columns and sums are below 2^31 (groupedProduct.cu checks it), so that they take one register each.
template <class T, Form form>
struct Operands {
  const Problem& problem;
  const T *a, *b;
  int32_t expert, firstRow, rows, column;  // of the tile; rows = 0: nothing to do
  int32_t begin, end;                      // of what is summed over

  __device__ Operands(const Problem& p, int64_t block) : problem(p), a(static_cast<const T*>(p.a.data)) {
    b = static_cast<const T*>(p.b.data);
    if constexpr (form == Form::outer) {
      const ExpertTile tile = expertTileOfBlock(block, p.rowTiles, p.columnTiles);
      const Range own = rowsOf(tile.expert, p.offset, p.padded);
      expert = static_cast<int32_t>(tile.expert);
      firstRow = static_cast<int32_t>(tile.row);
      rows = 1;
      column = static_cast<int32_t>(tile.column);
      begin = static_cast<int32_t>(own.begin);
      end = static_cast<int32_t>(own.end);
    } else {
      const Tile tile = tileOfBlock(block, p.rowTiles, p.columnTiles);
      const RowTile own = p.tiles[tile.row];
      expert = own.expert;
      firstRow = own.first;
      rows = own.rows;
      column = static_cast<int32_t>(tile.column);
      begin = 0;
      end = static_cast<int32_t>(p.summed);
      b += expert * p.expertStride;
    }
  }

  template <int tileRows>
  __device__ void placeRows() {
    if constexpr (form == Form::outer) {
      const int32_t m = static_cast<int32_t>(problem.m);
      firstRow *= tileRows;
      rows = m - firstRow < tileRows ? m - firstRow : tileRows;
    }
  }

  static __device__ __forceinline__ int32_t found(const int32_t* gather, int32_t row) { return gather ? gather[row] : row; }

  /// Row in memory of a line of the left tile, -1 for zeros; `at`: how far the sum has come.
  __device__ __forceinline__ int32_t lineOfA(int line, int32_t at) const {
    if constexpr (form == Form::outer) return at + line < end ? found(problem.a.gather, at + line) : -1;
    else return line < rows ? found(problem.a.gather, firstRow + line) : -1;
  }
  __device__ __forceinline__ int32_t columnOfA(int position, int32_t at) const {
    return position + (form == Form::outer ? firstRow : at);
  }
  __device__ __forceinline__ int32_t columnsOfA() const {
    return static_cast<int32_t>(form == Form::outer ? problem.m : problem.summed);
  }

  __device__ __forceinline__ int32_t lineOfB(int line, int32_t at) const {
    if constexpr (form == Form::outer) {
      return at + line < end ? found(problem.b.gather, at + line) : -1;
    } else if constexpr (form == Form::transposed) {
      return at + line < end ? at + line : -1;
    } else {
      if (problem.gated) return static_cast<int32_t>(gatedRow(column, line, tileColumns, problem.hidden));
      const int32_t row = column * tileColumns + line;
      return row < static_cast<int32_t>(problem.n) ? row : -1;
    }
  }
  __device__ __forceinline__ int32_t columnOfB(int position, int32_t at) const {
    return position + (form == Form::weights ? at : column * tileColumns);
  }
  __device__ __forceinline__ int32_t columnsOfB() const {
    return static_cast<int32_t>(form == Form::weights ? problem.summed : problem.n);
  }
};

/// The result of a block in shared memory, as float32; lines are padded so that a warp's stores meet different banks.
constexpr int resultStride = tileColumns + 8;

}  // namespace moelab::cuda
