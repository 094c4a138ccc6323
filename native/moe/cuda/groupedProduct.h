#pragma once

#include <cstdint>

#include "element.h"
#include "stream.h"
#include "tiles.h"

namespace moelab::cuda {

enum class FfnActivation { gelu, swiglu };

/// Rows of a matrix in runs, the first of expert 0; padded (0 for none) each begins a place for so many rows, of which those
/// behind it are neither read nor written. How long the runs are only the GPU knows.
struct ExpertRows {
  Element element;
  int64_t rows, experts, padded;  // rows: of the matrix
  const int32_t* offset;          // [experts + 1] rows of the experts before, on the GPU, as is all below
  const RowTile* tiles;           // [tileBound()] made by planTiles for tileRows
  int tileRows;

  int64_t tileBound() const { return rowTileBound(rows, experts, tileRows); }
};

/// Rows of a tile that suit so many rows: small ones when experts have few rows each.
/// @param aligned  whether all rows of all operands begin at a multiple of 16 bytes (rowsAligned)
int tileRowsFor(Element element, int64_t rows, int64_t experts, bool aligned);

/// Whether rows of so many elements all begin at a multiple of 16 bytes and consist of whole runs of eight elements.
inline bool rowsAligned(const void* data, int64_t columns) {
  return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && columns % 8 == 0;
}

/// Left operand of a product: row r of it is data[gather[r]], or data[r] where gather is null; a negative index stands for
/// zeros.
struct Gathered {
  const void* data;
  const int32_t* gather;
};

// All matrices are row-major without gaps. Sums are float32 in a fixed order: results are the same to the bit in every run.
// float32 is multiplied as float32, never as TF32.

/// out[r] = weight_e · a[r]; weight [E, columns, summed], out [rows, columns].
Status productWithWeights(const ExpertRows&, Gathered a, const void* weight, int64_t columns, int64_t summed, void* out,
                          Stream);

/// out[r] = weight_eᵀ · a[r]; weight [E, summed, columns], out [rows, columns].
Status productWithTransposed(const ExpertRows&, Gathered a, const void* weight, int64_t columns, int64_t summed, void* out,
                             Stream);

/// out_e = Σ_r a[r] ⊗ b[r] over the rows of e; out [E, m, n], zeros for experts without rows.
Status outerProducts(const ExpertRows&, Gathered a, int64_t m, Gathered b, int64_t n, void* out, Stream);

/// The first half of a feed-forward block: z = up_e · x[r], h = activation(z).
/// @param up             [E, width, dim], width = hidden or for swiglu 2 · hidden, the gate's rows first
/// @param preactivation  [rows, width] z, or null
/// @param activated      [rows, hidden] h, or null
Status upProjection(const ExpertRows&, FfnActivation, Gathered x, const void* up, int64_t hidden, int64_t dim,
                    void* preactivation, void* activated, Stream);

/// The second half backwards, with dh = down_eᵀ · g[r]: dz = w · dh ∘ activation'(z), w · h and the parts of
/// dw = dh · h that each tile of columns has.
/// @param rowWeight    [rows] w, the gate's weight of each row
/// @param down         [E, dim, hidden]
/// @param gradHidden   [rows, width] dz
/// @param weighted     [rows, hidden] w · h
/// @param weightParts  [weightPartsOf(hidden), rows]
Status downProjectionBackward(const ExpertRows&, FfnActivation, Gathered gradOut, const void* down, int64_t hidden,
                              int64_t dim, const void* preactivation, const float* rowWeight, void* gradHidden,
                              void* weighted, float* weightParts, Stream);

int64_t weightPartsOf(int64_t hidden);

}  // namespace moelab::cuda
