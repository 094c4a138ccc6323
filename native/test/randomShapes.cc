// Runs the experts' kernels of every instruction set over random shapes, for a sanitizer to watch (scripts/sanitize): odd
// sizes, empty experts, dropped assignments, more threads than cores. Prints "clean" at its end.

#include <cstdio>
#include <vector>

#include "expertFfn.h"
#include "random.h"

using namespace moelab;

namespace {

void runOnce() {
  ExpertFfn ffn;
  ffn.element = generator() % 2 ? Element::float32 : Element::bfloat16;
  ffn.activation = generator() % 2 ? FfnActivation::swiglu : FfnActivation::gelu;
  ffn.tokens = pick({1, 2, 3, 7, 16, 31, 33, 64, 100, 150});
  ffn.choices = pick({1, 2, 3});
  ffn.experts = pick({1, 2, 3, 8, 40});
  ffn.dim = pick({1, 8, 15, 16, 17, 32, 33, 64, 100});
  ffn.hidden = pick({1, 7, 16, 31, 32, 40, 64, 130, 300});
  ffn.threads = 3;
  const size_t size = ffn.element == Element::float32 ? 4 : 2;
  const int64_t vectors = ffn.tokens * ffn.dim, upSize = ffn.experts * ffn.width() * ffn.dim;
  const int64_t downSize = ffn.experts * ffn.dim * ffn.hidden, assignments = ffn.tokens * ffn.choices;

  std::vector<std::vector<int64_t>> byExpert(ffn.experts);
  for (int64_t a = 0; a < assignments; ++a) {
    if (generator() % 8 != 0) byExpert[generator() % ffn.experts].push_back(a);
  }
  std::vector<int64_t> order, offset{0}, position(assignments, -1);
  for (const auto& own : byExpert) {
    for (const int64_t a : own) {
      position[a] = order.size();
      order.push_back(a);
    }
    offset.push_back(order.size());
  }
  order.shrink_to_fit();

  const Elements x(vectors, size), up(upSize, size), down(downSize, size), out(vectors, size);
  const Elements gradX(vectors, size), gradUp(upSize, size), gradDown(downSize, size);
  std::vector<float> weight(assignments, 0.5f), gradWeight(assignments);
  ffn.x = x.get();
  ffn.up = up.get();
  ffn.down = down.get();
  ffn.weight = weight.data();
  ffn.order = order.data();
  ffn.offset = offset.data();
  ffn.position = position.data();
  const Elements preactivation(ffn.rows() * ffn.preactivationColumns(), size);

  const CpuCapability best = cpuCapability();
  for (int i = 0; i <= static_cast<int>(best); ++i) {
    const auto capability = static_cast<CpuCapability>(i);
    expertFfnForward(ffn, capability, out.get(), nullptr);
    expertFfnForward(ffn, capability, out.get(), preactivation.get());
    expertFfnForward(ffn, capability, nullptr, preactivation.get());
    expertFfnBackward(ffn, capability, out.get(), preactivation.get(),
                      {gradX.get(), gradUp.get(), gradDown.get(), gradWeight.data()});
    expertFfnBackward(ffn, capability, out.get(), preactivation.get(), {nullptr, gradUp.get(), nullptr, nullptr});
  }
}

}  // namespace

int main() {
  for (int i = 0; i < 150; ++i) runOnce();
  std::puts("clean");
}
