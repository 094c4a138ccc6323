// Which block computes which tile (moe/cuda/tiles.h), over random loads: every element of a result is computed exactly once,
// and no index lies outside. Prints "covered" at its end.

#include "../moe/cuda/tiles.h"

#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

using namespace moelab::cuda;

namespace {

std::mt19937 generator(11);

int64_t upTo(int64_t most) { return static_cast<int64_t>(generator() % (most + 1)); }

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

/// Products for the rows of each expert.
void rowTiles() {
  const int64_t experts = 1 + upTo(20), tileRows = upTo(1) ? 64 : 128, columnTiles = 1 + upTo(20);
  const int64_t longest = upTo(3) ? upTo(400) : 3, padded = upTo(1) ? longest + upTo(3) : 0;
  std::vector<int32_t> offset{0}, firstTile{0};
  for (int64_t e = 0; e < experts; ++e) {
    const int64_t length = upTo(2) && longest > 0 ? upTo(longest) : 0;
    offset.push_back(offset.back() + static_cast<int32_t>(length));
    firstTile.push_back(firstTile.back() + static_cast<int32_t>((length + tileRows - 1) / tileRows));
  }
  const int64_t stored = padded > 0 ? experts * padded : offset.back();
  const int64_t bound = rowTileBound(stored, experts, tileRows);
  require(bound >= firstTile.back(), "more tiles than the bound");
  std::vector<std::vector<int>> computed(columnTiles, std::vector<int>(stored));
  std::vector<int64_t> expertOf(stored, -1);
  for (int64_t e = 0; e < experts; ++e) {
    const Range rows = rowsOf(e, offset.data(), padded);
    for (int64_t row = rows.begin; row < rows.end; ++row) expertOf.at(row) = e;
  }
  for (int64_t block = 0; block < bound * columnTiles; ++block) {
    const Tile tile = tileOfBlock(block, bound, columnTiles);
    require(tile.row >= 0 && tile.row < bound && tile.column >= 0 && tile.column < columnTiles, "a tile outside");
    const RowTile own = rowTileAt(tile.row, offset.data(), firstTile.data(), experts, tileRows, padded);
    require(own.rows >= 0 && own.rows <= tileRows, "a tile of another size");
    for (int64_t row = own.first; row < own.first + own.rows; ++row) {
      require(expertOf.at(row) == own.expert, "a row of another expert");
      ++computed[tile.column].at(row);
    }
  }
  for (const auto& column : computed) {
    for (int64_t row = 0; row < stored; ++row) require(column[row] == (expertOf[row] >= 0), "a row not computed once");
  }
}

/// Gradients of weights.
void expertTiles() {
  const int64_t experts = 1 + upTo(9), rowTiles = 1 + upTo(20), columnTiles = 1 + upTo(20);
  std::vector<int> computed(experts * rowTiles * columnTiles);
  for (size_t block = 0; block < computed.size(); ++block) {
    const ExpertTile tile = expertTileOfBlock(static_cast<int64_t>(block), rowTiles, columnTiles);
    require(tile.row >= 0 && tile.row < rowTiles && tile.column >= 0 && tile.column < columnTiles, "a tile outside");
    ++computed.at((tile.expert * rowTiles + tile.row) * columnTiles + tile.column);
  }
  for (const int times : computed) require(times == 1, "a tile not computed once");
}

void gatedRows() {
  const int64_t hidden = 1 + upTo(300), tileColumns = 128, tiles = (hidden + tileColumns / 2 - 1) / (tileColumns / 2);
  std::vector<int> read(2 * hidden);
  for (int64_t tile = 0; tile < tiles; ++tile) {
    for (int64_t j = 0; j < tileColumns; ++j) {
      const int64_t row = gatedRow(tile, j, tileColumns, hidden);
      if (row >= 0) ++read.at(row);
      // A gate's row and that of the unit it gates stand eight apart.
      const bool gate = j / 8 % 2 == 0;
      if (gate && row >= 0) require(gatedRow(tile, j + 8, tileColumns, hidden) == row + hidden, "another unit's gate");
    }
  }
  for (const int times : read) require(times == 1, "a row not read once");
}

}  // namespace

int main() {
  for (int i = 0; i < 2000; ++i) {
    rowTiles();
    expertTiles();
    gatedRows();
  }
  std::puts("covered");
}
