#pragma once

// Which block computes which tile: index arithmetic alone, for the device and, in tests, for the host.

#include <cstdint>

#if defined(__CUDACC__)
#define MOELAB_EVERYWHERE __host__ __device__
#else
#define MOELAB_EVERYWHERE
#endif

namespace moelab::cuda {

/// Some consecutive rows of one expert; rows = 0 for a tile beyond the last.
struct alignas(16) RowTile {
  int32_t expert, first, rows, unused;
};

/// Most tiles that so many rows can need however the experts share them, so that a grid's size needs no answer of the GPU.
MOELAB_EVERYWHERE constexpr int64_t rowTileBound(int64_t rows, int64_t experts, int64_t tileRows) {
  return rows / tileRows + (rows < experts ? rows : experts);
}

/// The run that holds `index`, of those that begin at begin[0 … runs - 1] and end at begin[runs]: the last one that begins at
/// or before it, so that empty runs are passed over.
MOELAB_EVERYWHERE inline int64_t runOf(int64_t index, const int32_t* begin, int64_t runs) {
  int64_t low = 0, high = runs;  // begin[low] <= index < begin[high]
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    if (begin[middle] <= index) low = middle;
    else high = middle;
  }
  return low;
}

struct Range {
  int64_t begin, end;
};

/// Stored rows of an expert: one run behind the other or, padded, each at the beginning of a place for so many.
/// @param offset  [experts + 1] how many rows the experts before have
MOELAB_EVERYWHERE inline Range rowsOf(int64_t expert, const int32_t* offset, int64_t padded) {
  const int64_t first = padded > 0 ? expert * padded : offset[expert];
  return {first, first + offset[expert + 1] - offset[expert]};
}

/// Tile number `tile`.
/// @param firstTile  [experts + 1] first tile of each expert
MOELAB_EVERYWHERE inline RowTile rowTileAt(int64_t tile, const int32_t* offset, const int32_t* firstTile, int64_t experts,
                                           int64_t tileRows, int64_t padded) {
  if (tile >= firstTile[experts]) return {0, 0, 0, 0};
  const int64_t expert = runOf(tile, firstTile, experts);
  const Range rows = rowsOf(expert, offset, padded);
  const int64_t first = rows.begin + (tile - firstTile[expert]) * tileRows, left = rows.end - first;
  return {static_cast<int32_t>(expert), static_cast<int32_t>(first), static_cast<int32_t>(left < tileRows ? left : tileRows),
          0};
}

struct Tile {
  int64_t row, column;
};

/// Blocks walk down groups of eight row tiles, then on to the next column: those that run at the same time share columns of
/// an expert's weights and rows of its tokens in the second-level cache.
MOELAB_EVERYWHERE constexpr Tile tileOfBlock(int64_t block, int64_t rowTiles, int64_t columnTiles) {
  const int64_t height = 8, group = block / (height * columnTiles), within = block % (height * columnTiles);
  const int64_t left = rowTiles - group * height, rows = left < height ? left : height;
  return {group * height + within % rows, within / rows};
}

struct ExpertTile {
  int64_t expert, row, column;
};

/// Tiles of one matrix for each expert, all of the same size: gradients of weights.
MOELAB_EVERYWHERE constexpr ExpertTile expertTileOfBlock(int64_t block, int64_t rowTiles, int64_t columnTiles) {
  const int64_t each = rowTiles * columnTiles;
  const Tile tile = tileOfBlock(block % each, rowTiles, columnTiles);
  return {block / each, tile.row, tile.column};
}

/// Row of a gated weight matrix [2 · hidden, dim] that stands at row `j` of tile `tile`: eight rows of the gate alternate with
/// the eight rows of the same units that it gates, so that one thread gets both. -1 beyond the last unit.
MOELAB_EVERYWHERE constexpr int64_t gatedRow(int64_t tile, int64_t j, int64_t tileColumns, int64_t hidden) {
  const int64_t unit = tile * (tileColumns / 2) + j / 16 * 8 + j % 8;
  return unit < hidden ? (j / 8 % 2) * hidden + unit : -1;
}

}  // namespace moelab::cuda
