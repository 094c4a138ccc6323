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

template <class T, Form form>
struct Operands {
  const Problem& problem;
  const T *a, *b;
  int64_t expert, firstRow, rows, column;  // of the tile; rows = 0: nothing to do
  int64_t begin, end;                      // of what is summed over

  __device__ Operands(const Problem& p, int64_t block) : problem(p), a(static_cast<const T*>(p.a.data)) {
    if constexpr (form == Form::outer) {
      const ExpertTile tile = expertTileOfBlock(block, p.rowTiles, p.columnTiles);
      expert = tile.expert;
      firstRow = tile.row;
      rows = 1;
      column = tile.column;
      const Range own = rowsOf(expert, p.offset, p.padded);
      begin = own.begin;
      end = own.end;
    } else {
      const Tile tile = tileOfBlock(block, p.rowTiles, p.columnTiles);
      const RowTile own = p.tiles[tile.row];
      expert = own.expert;
      firstRow = own.first;
      rows = own.rows;
      column = tile.column;
      begin = 0;
      end = p.summed;
    }
    b = static_cast<const T*>(p.b.data) + (form == Form::outer ? 0 : expert * p.expertStride);
  }

  template <int tileRows>
  __device__ void placeRows() {
    if constexpr (form == Form::outer) {
      firstRow *= tileRows;
      rows = problem.m - firstRow < tileRows ? problem.m - firstRow : tileRows;
    }
  }

  static __device__ __forceinline__ int64_t found(const int32_t* gather, int64_t row) { return gather ? gather[row] : row; }

  /// Row in memory of a line of the left tile, -1 for zeros; `at`: how far the sum has come.
  __device__ __forceinline__ int64_t lineOfA(int line, int64_t at) const {
    if constexpr (form == Form::outer) return at + line < end ? found(problem.a.gather, at + line) : -1;
    else return line < rows ? found(problem.a.gather, firstRow + line) : -1;
  }
  __device__ __forceinline__ int64_t columnOfA(int position, int64_t at) const {
    return position + (form == Form::outer ? firstRow : at);
  }
  __device__ __forceinline__ int64_t columnsOfA() const { return form == Form::outer ? problem.m : problem.summed; }

  __device__ __forceinline__ int64_t lineOfB(int line, int64_t at) const {
    if constexpr (form == Form::outer) {
      return at + line < end ? found(problem.b.gather, at + line) : -1;
    } else if constexpr (form == Form::transposed) {
      return at + line < end ? at + line : -1;
    } else {
      if (problem.gated) return gatedRow(column, line, tileColumns, problem.hidden);
      const int64_t row = column * tileColumns + line;
      return row < problem.n ? row : -1;
    }
  }
  __device__ __forceinline__ int64_t columnOfB(int position, int64_t at) const {
    return position + (form == Form::weights ? at : column * tileColumns);
  }
  __device__ __forceinline__ int64_t columnsOfB() const { return form == Form::weights ? problem.summed : problem.n; }
};

/// The result of a block in shared memory, as float32; lines are padded so that a warp's stores meet different banks.
constexpr int resultStride = tileColumns + 8;

}  // namespace moelab::cuda
