// Runs the kernels of gate, gate_linear, expert_choice, dispatch, permute, unpermute and grouped_linear over random shapes, as randomShapes.cc does with
// those of the experts: NaN and infinite logits, one to many experts, empty ones, gaps, more threads than cores. Prints
// "clean" at its end.

#include <cmath>
#include <cstdio>
#include <vector>

#include "../moe/dispatchOrder.h"
#include "../moe/expertChoice.h"
#include "gate.h"
#include "gateLinear.h"
#include "groupedLinear.h"
#include "random.h"
#include "rows.h"

using namespace moelab;

namespace {

std::vector<float> numbers(int64_t count) {
  std::vector<float> made(count);
  for (float& value : made) value = (static_cast<int>(generator() % 2000) - 1000) / 250.0f;
  made.shrink_to_fit();
  return made;
}

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "expected %s\n", what);
  std::abort();
}

template <class Body>
void onEvery(Body body) {
  for (int i = 0; i <= static_cast<int>(cpuCapability()); ++i) body(static_cast<CpuCapability>(i));
}

/// Experts of each token, [T, k], and where their assignments go.
struct Routing {
  int64_t tokens, experts, choices, rows;
  std::vector<int64_t> chosen, order, load, taken;
};

Routing gateOnce() {
  Routing routing{pick({0, 1, 2, 7, 63, 64, 65, 150, 600}), pick({1, 2, 6, 16, 17, 64, 300}), 0, 0, {}, {}, {}, {}};
  const int64_t T = routing.tokens, E = routing.experts;
  const int64_t expertGroups = E % 2 == 0 ? pick({1, 2}) : 1, topGroups = expertGroups == 1 ? 1 : pick({1, 2});
  const int64_t most = E / expertGroups * topGroups;
  const int64_t k = routing.choices = pick({1, std::min<int64_t>(2, most), std::min<int64_t>(8, most), most});
  std::vector<float> logits = numbers(T * E);
  for (float& z : logits) {
    if (generator() % 400 == 0) z = generator() % 2 ? NAN : generator() % 2 ? INFINITY : -INFINITY;
  }
  const std::vector<float> bias = numbers(E), gradWeights = numbers(T * k), gradShares = numbers(T * E), gradSums = numbers(E);
  const bool biased = generator() % 2;
  const GateScores gate{logits.data(), biased ? bias.data() : nullptr, T,         E, k, generator() % 2 == 0, generator() % 2 == 0,
                        2.5f,          expertGroups,                   topGroups, 3};
  std::vector<float> weights(T * k), shares(T * E), sums(E), gradLogits(T * E);
  routing.chosen.assign(T * k, -1);
  const GateChoice choice{routing.chosen.data(), weights.data(), shares.data(), sums.data()};
  onEvery([&](CpuCapability capability) {
    gateForward(gate, capability, choice);
    std::vector<bool> met(T * E, false);
    for (int64_t i = 0; i < T * k; ++i) {
      const int64_t e = routing.chosen[i];
      require(e >= 0 && e < E && !met[i / k * E + e], "different experts, all in range");
      met[i / k * E + e] = true;
    }
    gateBackward(gate, capability, choice, {gradWeights.data(), gradShares.data(), gradSums.data()}, gradLogits.data());
    gateBackward(gate, capability, choice, {gradWeights.data(), nullptr, nullptr}, gradLogits.data());
    gateBackward(gate, capability, choice, {nullptr, nullptr, gradSums.data()}, gradLogits.data());
  });
  const int64_t dim = pick({1, 8, 17, 64, 100, 300});
  const Elements tokens(T * dim, 2), gradTokens(T * dim, 2);
  const std::vector<float> gateWeights = numbers(E * dim);
  std::vector<float> gradGateWeights(E * dim);
  const GateLinear linear{tokens.get(), gateWeights.data(), T, dim, E, 3};
  onEvery([&](CpuCapability capability) {
    gateLinearForward(linear, capability, gradLogits.data());
    gateLinearBackward(linear, capability, logits.data(), gradTokens.get(), gradGateWeights.data());
    gateLinearBackward(linear, capability, logits.data(), nullptr, gradGateWeights.data());
    gateLinearBackward(linear, capability, logits.data(), gradTokens.get(), nullptr);
  });

  const ExpertChoice byExperts{logits.data(), T, E, std::min<int64_t>(T, pick({0, 1, 5, T}))};
  std::vector<int64_t> taken(E * byExperts.each);
  for (int64_t e = 0; e < E; e += choosersAtOnce) chooseTokens(byExperts, e, taken.data());
  require(choosersOfTokens(byExperts, taken.data()).begin[T] == E * byExperts.each, "as many pairs as were chosen");

  std::vector<char> kept(T * k);
  for (char& each : kept) each = generator() % 4 != 0;
  Assignments asked{routing.chosen.data(), T, k, E};
  asked.capacity = pick({-1, 0, 1, 5, 1000});
  if (T % 2 == 0) asked.groups = pick({1, 2});
  if (generator() % 2) asked.priority = weights.data();
  if (generator() % 2) asked.kept = reinterpret_cast<const bool*>(kept.data());
  routing.order.resize(T * k);
  routing.load.resize(E);
  routing.taken.resize(E);
  routing.rows = dispatchOrder(asked, routing.order.data(), routing.load.data(), routing.taken.data());
  require(routing.rows >= 0, "experts in range");
  return routing;
}

void moveOnce(const Routing& routing) {
  const int64_t T = routing.tokens, k = routing.choices, E = routing.experts;
  const Element element = generator() % 2 ? Element::float32 : Element::bfloat16;
  const size_t size = element == Element::float32 ? 4 : 2;
  const int64_t in = pick({1, 8, 15, 16, 17, 32, 33, 100, 300}), out = pick({1, 7, 16, 31, 32, 40, 130, 600});
  int64_t most = 1;
  for (const int64_t length : routing.taken) most = std::max(most, length);
  const int64_t padded = generator() % 2 && E * most < 5000 ? most + pick({0, 3}) : 0;
  const int64_t stored = padded ? E * padded : routing.rows;
  std::vector<int64_t> start, position(T * k, -1), number(stored, -1);
  for (int64_t e = 0, row = 0; e < E; ++e) {
    start.push_back(padded ? e * padded : row);
    for (int64_t i = 0; i < routing.taken[e]; ++i, ++row) {
      position[routing.order[row]] = start[e] + i;
      number[start[e] + i] = routing.order[row];
    }
  }
  std::vector<float> weights = numbers(T * k), gradWeights(T * k);
  const Elements x(T * in, size), rows(stored * in, size), back(T * in, size), weight(E * out * in, size);
  const Elements answers(stored * out, size), gradRows(stored * in, size), gradWeight(E * out * in, size);
  const RowMoves moves{element, T, k, in, stored, position.data(), number.data(), generator() % 2 ? weights.data() : nullptr, 3};
  const GroupedLinear product{element, E, in, out, rows.get(), weight.get(), start.data(), routing.taken.data(), 3};
  onEvery([&](CpuCapability capability) {
    scatterRows(moves, capability, x.get(), rows.get());
    gatherRows(moves, capability, rows.get(), back.get());
    multiplyRows(moves, capability, x.get(), rows.get(), gradWeights.data());
    groupedLinearForward(product, capability, answers.get());
    groupedLinearBackward(product, capability, answers.get(), gradRows.get(), gradWeight.get());
    groupedLinearBackward(product, capability, answers.get(), gradRows.get(), nullptr);
    groupedLinearBackward(product, capability, answers.get(), nullptr, gradWeight.get());
  });
}

}  // namespace

int main() {
  for (int i = 0; i < 120; ++i) moveOnce(gateOnce());
  std::puts("clean");
}
