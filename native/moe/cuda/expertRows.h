#pragma once

#include "groupedProduct.h"

namespace moelab::cuda {

/// A routing as the operators get it. An assignment of token t and choice c has the number c · tokens + t. Stored rows lie
/// as ExpertRows says.
struct Routing {
  int64_t tokens, choices, experts, computed, padded;
  const int64_t* order;  // [computed] assignment of each row that is computed, by expert
  const int64_t* taken;  // [experts] rows of each expert
  const float* weight;   // [tokens, choices], or null

  int64_t stored() const { return padded > 0 ? experts * padded : computed; }
};

/// The same by row and by assignment, made on the GPU. Null for what is not wanted.
struct RowPlan {
  int32_t* offset;     // [experts + 1] computed rows of the experts before
  int32_t* firstTile;  // [experts + 1]
  RowTile* tiles;      // [rowTileBound(stored rows, experts, tileRows)]
  int32_t* token;      // [stored] token of each row, -1 where there is none or its assignment is out of range
  int32_t* position;   // [choices · tokens] stored row of each assignment, -1 where it is not computed
  float* rowWeight;    // [stored] weight of each row
};

/// Lengths that do not sum to the rows, or do not fit, leave all experts without any.
/// @param failure  set to a Failure where an index is wrong; memory that the host and the GPU reach
Status planRows(const Routing&, int tileRows, const RowPlan&, int32_t* failure, Stream);

/// Only offset, firstTile and tiles; for products without a routing.
/// @param computed  what the lengths sum to; -1 where only the GPU knows
Status planTiles(const int64_t* taken, int64_t computed, int64_t experts, int64_t padded, int tileRows, const RowPlan&,
                 int32_t* failure, Stream);

}  // namespace moelab::cuda
