#include "expertRows.h"

#include "failure.h"
#include "warp.cuh"

namespace moelab::cuda {

namespace {

constexpr int scanThreads = 1024;
constexpr int fillThreads = 256;

/// One block: rows and tiles of the experts before each.
__global__ void __launch_bounds__(scanThreads) scanLengths(const int64_t* taken, int64_t computed, int64_t most,
                                                           int64_t experts, int tileRows, int32_t* offset,
                                                           int32_t* firstTile, int32_t* failure) {
  int64_t* const scratch = reinterpret_cast<int64_t*>(sharedMemory());
  int64_t* const total = scratch + 32;  // rows, tiles, whether a length is impossible
  if (threadIdx.x < 3) total[threadIdx.x] = 0;
  __syncthreads();
  for (int64_t first = 0; first < experts; first += scanThreads) {
    const int64_t e = first + threadIdx.x;
    int64_t length = e < experts ? taken[e] : 0;
    if (length < 0 || length > most) {
      total[2] = 1;
      length = 0;
    }
    const int64_t end = blockPrefix(length, scratch) + total[0];
    __syncthreads();
    const int64_t tiles = parts(length, tileRows), endTile = blockPrefix(tiles, scratch) + total[1];
    __syncthreads();
    if (e < experts) {
      offset[e] = static_cast<int32_t>(end - length);
      firstTile[e] = static_cast<int32_t>(endTile - tiles);
    }
    if (threadIdx.x == scanThreads - 1) {
      total[0] = end;
      total[1] = endTile;
    }
    __syncthreads();
  }
  const bool wrong = total[2] != 0 || (computed >= 0 && total[0] != computed);
  if (wrong) {
    for (int64_t e = threadIdx.x; e < experts; e += scanThreads) offset[e] = firstTile[e] = 0;
  }
  if (threadIdx.x == 0) {
    offset[experts] = wrong ? 0 : static_cast<int32_t>(total[0]);
    firstTile[experts] = wrong ? 0 : static_cast<int32_t>(total[1]);
    if (wrong) *failure = static_cast<int32_t>(Failure::lengthsDoNotSum);
  }
}

__global__ void __launch_bounds__(fillThreads) listTiles(const int32_t* offset, const int32_t* firstTile, int64_t experts,
                                                         int tileRows, int64_t padded, int64_t bound, RowTile* tiles) {
  const int64_t tile = static_cast<int64_t>(blockIdx.x) * fillThreads + threadIdx.x;
  if (tile < bound) tiles[tile] = rowTileAt(tile, offset, firstTile, experts, tileRows, padded);
}

__global__ void __launch_bounds__(fillThreads) fill(int32_t* to, int64_t count, int32_t value) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * fillThreads + threadIdx.x;
  if (i < count) to[i] = value;
}

__global__ void __launch_bounds__(fillThreads) placeAssignments(Routing routing, RowPlan plan, int32_t* failure) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * fillThreads + threadIdx.x;
  // With wrong lengths no expert has rows.
  if (index >= routing.computed || plan.offset[routing.experts] != routing.computed) return;
  int64_t row = index;
  if (routing.padded > 0) {
    const int64_t expert = runOf(index, plan.offset, routing.experts);
    row = expert * routing.padded + index - plan.offset[expert];
  }
  const int64_t assignment = routing.order[index];
  if (assignment < 0 || assignment >= routing.tokens * routing.choices) {
    *failure = static_cast<int32_t>(Failure::assignmentOutOfRange);
    return;
  }
  if (atomicExch(&plan.position[assignment], static_cast<int32_t>(row)) != -1) {
    *failure = static_cast<int32_t>(Failure::assignmentTwice);
  }
  const int64_t token = assignment % routing.tokens, choice = assignment / routing.tokens;
  if (plan.token) plan.token[row] = static_cast<int32_t>(token);
  if (plan.rowWeight) plan.rowWeight[row] = routing.weight[token * routing.choices + choice];
}

Status fillWith(int32_t* to, int64_t count, int32_t value, Stream stream) {
  return to ? launch(fill, parts(count, fillThreads), fillThreads, 0, stream, to, count, value) : nullptr;
}

}  // namespace

Status planTiles(const int64_t* taken, int64_t computed, int64_t experts, int64_t padded, int tileRows,
                 const RowPlan& plan, int32_t* failure, Stream stream) {
  Launches launches;
  const int64_t most = padded > 0 ? padded : computed;
  launches(launch(scanLengths, 1, scanThreads, 35 * sizeof(int64_t), stream, taken, computed, most, experts, tileRows,
                  plan.offset, plan.firstTile, failure));
  if (plan.tiles) {
    const int64_t bound = rowTileBound(padded > 0 ? experts * padded : computed, experts, tileRows);
    launches(launch(listTiles, parts(bound, fillThreads), fillThreads, 0, stream, plan.offset, plan.firstTile, experts,
                    tileRows, padded, bound, plan.tiles));
  }
  return launches.status();
}

Status planRows(const Routing& routing, int tileRows, const RowPlan& plan, int32_t* failure, Stream stream) {
  Launches launches;
  launches(planTiles(routing.taken, routing.computed, routing.experts, routing.padded, tileRows, plan, failure, stream));
  launches(fillWith(plan.position, routing.tokens * routing.choices, -1, stream));
  launches(fillWith(plan.token, routing.stored(), -1, stream));
  launches(fillWith(reinterpret_cast<int32_t*>(plan.rowWeight), routing.stored(), 0, stream));
  launches(launch(placeAssignments, parts(routing.computed, fillThreads), fillThreads, 0, stream, routing, plan, failure));
  return launches.status();
}

}  // namespace moelab::cuda
