#include "expertFfn.h"

#include "combine.h"
#include "device.cuh"
#include "scratch.h"

namespace moelab::cuda {

namespace {

bool aligned(const ExpertFfn& ffn, const void* gradOut) {
  return rowsAligned(ffn.x, ffn.dim) && rowsAligned(ffn.up, ffn.dim) && rowsAligned(ffn.down, ffn.hidden) &&
         rowsAligned(gradOut, ffn.dim);
}

struct Plan {
  RowPlan plan;
  ExpertRows rows;

  Plan(const ExpertFfn& ffn, bool aligned, Scratch& scratch) {
    const Routing& routing = ffn.routing;
    const int tileRows = tileRowsFor(ffn.element, routing.stored(), routing.experts, aligned);
    plan.offset = scratch.take<int32_t>(routing.experts + 1);
    plan.firstTile = scratch.take<int32_t>(routing.experts + 1);
    plan.tiles = scratch.take<RowTile>(rowTileBound(routing.stored(), routing.experts, 64));
    plan.token = scratch.take<int32_t>(routing.stored());
    plan.position = scratch.take<int32_t>(routing.tokens * routing.choices);
    plan.rowWeight = scratch.take<float>(routing.stored());
    rows = {ffn.element, routing.stored(), routing.experts, routing.padded, plan.offset, plan.tiles, tileRows};
  }
};

struct ForwardMemory {
  Scratch scratch;
  Plan plan;
  void *activated, *answers;

  ForwardMemory(const ExpertFfn& ffn, void* memory) : scratch(memory), plan(ffn, aligned(ffn, nullptr), scratch) {
    activated = scratch.take(ffn.element, ffn.routing.stored() * ffn.hidden);
    answers = scratch.take(ffn.element, ffn.routing.stored() * ffn.dim);
  }
};

struct BackwardMemory {
  Scratch scratch;
  Plan plan;
  void *preactivation, *gradHidden, *weighted, *gradInputs;
  float* weightParts;

  BackwardMemory(const ExpertFfn& ffn, const void* gradOut, bool recompute, void* memory)
      : scratch(memory), plan(ffn, aligned(ffn, gradOut), scratch) {
    const int64_t rows = ffn.routing.stored();
    preactivation = recompute ? scratch.take(ffn.element, rows * ffn.width()) : nullptr;
    gradHidden = scratch.take(ffn.element, rows * ffn.width());
    weighted = scratch.take(ffn.element, rows * ffn.hidden);
    gradInputs = scratch.take(ffn.element, rows * ffn.dim);
    weightParts = scratch.take<float>(rows * weightPartsOf(ffn.hidden));
  }
};

}  // namespace

std::size_t expertFfnForwardBytes(const ExpertFfn& ffn) { return ForwardMemory(ffn, nullptr).scratch.used(); }

std::size_t expertFfnBackwardBytes(const ExpertFfn& ffn, bool recompute) {
  return BackwardMemory(ffn, nullptr, recompute, nullptr).scratch.used();
}

Status expertFfnForward(const ExpertFfn& ffn, void* scratch, void* preactivation, void* out, Stream stream) {
  const Routing& routing = ffn.routing;
  const ForwardMemory memory(ffn, scratch);
  const RowPlan& plan = memory.plan.plan;
  const ExpertRows& rows = memory.plan.rows;
  Launches launches;
  launches(planRows(routing, rows.tileRows, plan, ffn.failure, stream));
  launches(upProjection(rows, ffn.activation, {ffn.x, plan.token}, ffn.up, ffn.hidden, ffn.dim, preactivation,
                        memory.activated, stream));
  launches(productWithWeights(rows, {memory.activated, nullptr}, ffn.down, ffn.dim, ffn.hidden, memory.answers, stream));
  launches(combineRows(ffn.element, memory.answers, plan.position, routing.weight, routing.tokens, routing.choices, ffn.dim,
                       out, stream));
  return launches.status();
}

Status expertFfnBackward(const ExpertFfn& ffn, void* scratch, const void* gradOut, const void* preactivation,
                         const ExpertFfnGradients& gradients, Stream stream) {
  const Routing& routing = ffn.routing;
  const BackwardMemory memory(ffn, gradOut, preactivation == nullptr, scratch);
  const RowPlan& plan = memory.plan.plan;
  const ExpertRows& rows = memory.plan.rows;
  Launches launches;
  launches(planRows(routing, rows.tileRows, plan, ffn.failure, stream));
  if (!preactivation) {
    launches(upProjection(rows, ffn.activation, {ffn.x, plan.token}, ffn.up, ffn.hidden, ffn.dim, memory.preactivation,
                          nullptr, stream));
    preactivation = memory.preactivation;
  }
  launches(downProjectionBackward(rows, ffn.activation, {gradOut, plan.token}, ffn.down, ffn.hidden, ffn.dim, preactivation,
                                  plan.rowWeight, memory.gradHidden, memory.weighted, memory.weightParts, stream));
  if (gradients.weight) {
    launches(sumWeightParts(memory.weightParts, weightPartsOf(ffn.hidden), routing.stored(), plan.position, routing.tokens,
                            routing.choices, gradients.weight, stream));
  }
  if (gradients.x) {
    launches(productWithTransposed(rows, {memory.gradHidden, nullptr}, ffn.up, ffn.dim, ffn.width(), memory.gradInputs,
                                   stream));
    launches(combineRows(ffn.element, memory.gradInputs, plan.position, nullptr, routing.tokens, routing.choices, ffn.dim,
                         gradients.x, stream));
  }
  if (gradients.down) {
    launches(outerProducts(rows, {gradOut, plan.token}, ffn.dim, {memory.weighted, nullptr}, ffn.hidden, gradients.down,
                           stream));
  }
  if (gradients.up) {
    launches(outerProducts(rows, {memory.gradHidden, nullptr}, ffn.width(), {ffn.x, plan.token}, ffn.dim, gradients.up,
                           stream));
  }
  return launches.status();
}

}  // namespace moelab::cuda
