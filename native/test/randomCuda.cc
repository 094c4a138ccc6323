// The experts' CUDA kernels, emulated, over random shapes for a sanitizer to watch: odd sizes, empty experts, dropped
// assignments, memory of exactly the size it needs. Prints "clean" at its end.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "../moe/cuda/dispatch.h"
#include "../moe/cuda/expertFfn.h"
#include "../moe/cuda/failure.h"
#include "random.h"

using namespace moelab;
using namespace moelab::cuda;

namespace {

/// Memory of exactly so many bytes, so that a sanitizer sees what lies outside.
struct Memory {
  std::unique_ptr<unsigned char[]> bytes;
  explicit Memory(std::size_t size) : bytes(new unsigned char[size]) { std::memset(bytes.get(), 0x3c, size); }
  void* get() const { return bytes.get(); }
};

void require(Status status) {
  if (!status) return;
  std::fprintf(stderr, "%s\n", status);
  std::abort();
}

void runOnce() {
  ExpertFfn ffn{};
  ffn.element = pick({0, 1}) ? Element::float32 : Element::bfloat16;
  ffn.activation = pick({0, 1}) ? FfnActivation::swiglu : FfnActivation::gelu;
  ffn.dim = pick({1, 8, 15, 40, 64, 100});
  ffn.hidden = pick({1, 7, 16, 40, 70});
  const int64_t T = pick({1, 2, 7, 33, 100}), k = pick({1, 2}), E = pick({1, 2, 3, 40});
  const std::size_t size = bytesOf(ffn.element);

  std::vector<int64_t> experts(T * k), order(T * k), load(E), taken(E);
  for (int64_t& expert : experts) expert = static_cast<int64_t>(generator() % E);
  Assignments asked{experts.data(), T, k, E};
  asked.capacity = pick({-1, 0, 3, 50});
  const Memory sorting(dispatchBytes(asked));
  require(dispatch(asked, sorting.get(), order.data(), load.data(), taken.data(), failureFlag(), nullptr));
  int64_t rows = 0;
  for (const int64_t each : taken) rows += each;
  order.resize(rows);
  order.shrink_to_fit();

  const std::vector<float> weight(T * k, 0.5f);
  std::vector<float> gradWeight(T * k);
  const Memory x(T * ffn.dim * size), up(E * ffn.width() * ffn.dim * size), down(E * ffn.dim * ffn.hidden * size);
  const Memory out(T * ffn.dim * size), gradX(T * ffn.dim * size), gradUp(E * ffn.width() * ffn.dim * size);
  const Memory gradDown(E * ffn.dim * ffn.hidden * size), preactivation(rows * ffn.width() * size);
  ffn.routing = {T, k, E, rows, 0, order.data(), taken.data(), weight.data()};
  ffn.x = x.get();
  ffn.up = up.get();
  ffn.down = down.get();
  ffn.failure = failureFlag();
  const Memory forward(expertFfnForwardBytes(ffn)), backward(expertFfnBackwardBytes(ffn, true));
  require(expertFfnForward(ffn, forward.get(), preactivation.get(), out.get(), nullptr));
  const ExpertFfnGradients gradients{gradX.get(), gradUp.get(), gradDown.get(), gradWeight.data()};
  require(expertFfnBackward(ffn, backward.get(), out.get(), preactivation.get(), gradients, nullptr));
  require(expertFfnBackward(ffn, backward.get(), out.get(), nullptr, gradients, nullptr));
  if (*failureFlag() != 0) require(describe(static_cast<Failure>(*failureFlag())));
}

}  // namespace

int main() {
  for (int i = 0; i < 15; ++i) runOnce();
  std::puts("clean");
}
