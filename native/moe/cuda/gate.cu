#include "gate.h"

#include "activation.cuh"
#include "failure.h"
#include "scratch.h"
#include "warp.cuh"

namespace moelab::cuda {

namespace {

constexpr int warps = 4;
constexpr int gateThreads = warps * 32;

/// Larger for what comes first: NaN, then larger values; of equal ones the smaller index. Never 0.
__device__ __forceinline__ uint64_t rankOf(float value, int64_t index) {
  value += 0.0f;  // -0 and 0 are equal
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  bits = value != value ? 0xffffffffu : bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return static_cast<uint64_t>(bits) << 32 | (0xffffffffu - static_cast<uint32_t>(index));
}

__device__ __forceinline__ int64_t indexOf(uint64_t rank) { return 0xffffffffu - static_cast<uint32_t>(rank); }

__device__ __forceinline__ uint64_t warpMaximum(uint64_t value) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    const uint64_t other = __shfl_xor_sync(allLanes, value, distance);
    if (other > value) value = other;
  }
  return value;
}

__device__ __forceinline__ float warpMaximum(float value) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) value = fmaxf(value, __shfl_xor_sync(allLanes, value, distance));
  return value;
}

/// A warp's share of shared memory.
struct Lines {
  float* scores;    // [E] of the token at hand
  uint64_t* ranks;  // [E] 0 for those that are out of the running
  float* sums;      // [E] of probabilities so far
  int32_t* first;   // [E]

  static constexpr int bytesPerExpert = 24;  // a multiple of 8

  __device__ Lines(unsigned char* memory, int64_t experts) {
    unsigned char* own = memory + threadIdx.x / 32 * experts * bytesPerExpert;
    ranks = reinterpret_cast<uint64_t*>(own);
    scores = reinterpret_cast<float*>(own + experts * 8);
    sums = reinterpret_cast<float*>(own + experts * 12);
    first = reinterpret_cast<int32_t*>(own + experts * 16);
  }
};

/// Puts those out of the running that are not in one of the groups whose two best sum highest.
/// @param rank  [E] what the experts are ranked by
__device__ void keepBestGroups(const Gate& gate, Lines& lines, const float* rank) {
  const int lane = threadIdx.x % 32;
  const int64_t groups = gate.expertGroups, size = gate.experts / groups;
  uint64_t own[(mostGatedExperts + 31) / 32];
#pragma unroll
  for (int i = 0; i < mostGatedExperts / 32; ++i) {
    const int64_t group = lane + i * 32;
    own[i] = 0;
    if (group >= groups) continue;
    uint64_t best = 0, second = 0;
    for (int64_t e = group * size; e < (group + 1) * size; ++e) {
      const uint64_t one = lines.ranks[e];
      if (one > best) {
        second = best;
        best = one;
      } else if (one > second) {
        second = one;
      }
    }
    const float sum = rank[indexOf(best)] + (size > 1 ? rank[indexOf(second)] : 0.0f);
    own[i] = rankOf(sum, group);
  }
  // The lowest rank of the groups that stay.
  uint64_t last = ~uint64_t{0};
  for (int64_t chosen = 0; chosen < gate.topGroups; ++chosen) {
    uint64_t best = 0;
#pragma unroll
    for (int i = 0; i < mostGatedExperts / 32; ++i) {
      if (own[i] < last && own[i] > best) best = own[i];
    }
    last = warpMaximum(best);
  }
  __syncwarp();
#pragma unroll
  for (int i = 0; i < mostGatedExperts / 32; ++i) {
    const int64_t group = lane + i * 32;
    if (group >= groups || own[i] >= last) continue;
    for (int64_t e = group * size; e < (group + 1) * size; ++e) lines.ranks[e] = 0;
  }
  __syncwarp();
}

/// A warp for each token, one after another, so that sums over the tokens have an order.
template <bool grouped>
__global__ void __launch_bounds__(gateThreads) choose(Gate gate, int64_t tokensPerWarp, float* sumParts,
                                                      GateResults results) {
  Lines lines(sharedMemory(), gate.experts);
  const int lane = threadIdx.x % 32;
  const int64_t E = gate.experts, k = gate.choices;
  const bool softmax = gate.scoring == Scoring::softmax;
  const bool byLogits = !gate.bias && gate.topGroups == gate.expertGroups;
  for (int64_t e = lane; e < E; e += 32) {
    lines.sums[e] = 0;
    lines.first[e] = 0;
  }
  const int64_t begin = (static_cast<int64_t>(blockIdx.x) * warps + threadIdx.x / 32) * tokensPerWarp;
  const int64_t end = begin + tokensPerWarp < gate.tokens ? begin + tokensPerWarp : gate.tokens;
  for (int64_t t = begin; t < end; ++t) {
    const float* const logits = gate.logits + t * E;
    float largest = -INFINITY, total = 0;
    if (softmax) {
      for (int64_t e = lane; e < E; e += 32) largest = fmaxf(largest, logits[e]);
      largest = warpMaximum(largest);
    }
    for (int64_t e = lane; e < E; e += 32) {
      const float score = softmax ? expf(logits[e] - largest) : sigmoid(logits[e]);
      lines.scores[e] = score;
      total += score;
    }
    total = warpSum(total);
    for (int64_t e = lane; e < E; e += 32) {
      const float share = lines.scores[e] / total;
      results.probabilities[t * E + e] = share;
      lines.sums[e] += share;
      if (softmax) lines.scores[e] = share;
      float rank = byLogits ? logits[e] : lines.scores[e];
      if (gate.bias) rank += gate.bias[e];
      lines.ranks[e] = rankOf(rank, e);
    }
    __syncwarp();
    if constexpr (grouped) {
      // Sums of groups are of scores with their bias.
      for (int64_t e = lane; gate.bias && e < E; e += 32) lines.scores[e] += gate.bias[e];
      __syncwarp();
      keepBestGroups(gate, lines, lines.scores);
      for (int64_t e = lane; gate.bias && e < E; e += 32) {
        lines.scores[e] = softmax ? results.probabilities[t * E + e] : sigmoid(logits[e]);
      }
      __syncwarp();
    }

    float chosenTotal = 0, largestLogit = 0;
    for (int64_t c = 0; c < k; ++c) {
      uint64_t best = 0;
      for (int64_t e = lane; e < E; e += 32) best = lines.ranks[e] > best ? lines.ranks[e] : best;
      best = warpMaximum(best);
      const int64_t chosen = indexOf(best);
      if (chosen % 32 == lane) lines.ranks[chosen] = 0;
      if (gate.renormalise && softmax) {
        // Where a bias chose, the first need not be the largest.
        largestLogit = c == 0 ? logits[chosen] : fmaxf(largestLogit, logits[chosen]);
      }
      if (lane == 0) results.chosen[t * k + c] = chosen;
      if (c == 0 && lane == 0) ++lines.first[chosen];
      const float score = lines.scores[chosen];
      chosenTotal += score;
      if (lane == 0) results.weights[t * k + c] = gate.scale * score;
      __syncwarp();
    }
    if (gate.renormalise && lane == 0) {
      if (softmax) {
        chosenTotal = 0;
        for (int64_t c = 0; c < k; ++c) chosenTotal += expf(logits[results.chosen[t * k + c]] - largestLogit);
      }
      for (int64_t c = 0; c < k; ++c) {
        const int64_t chosen = results.chosen[t * k + c];
        const float part = softmax ? expf(logits[chosen] - largestLogit) : lines.scores[chosen];
        results.weights[t * k + c] = gate.scale * (part / chosenTotal);
      }
    }
    __syncwarp();
  }
  __syncthreads();
  const Lines own = lines;
  for (int64_t e = threadIdx.x; e < E; e += gateThreads) {
    float sum = 0;
    int32_t first = 0;
    for (int w = 0; w < warps; ++w) {
      const int64_t other = (w - static_cast<int>(threadIdx.x / 32)) * E * Lines::bytesPerExpert;
      sum += *reinterpret_cast<float*>(reinterpret_cast<unsigned char*>(own.sums + e) + other);
      first += *reinterpret_cast<int32_t*>(reinterpret_cast<unsigned char*>(own.first + e) + other);
    }
    sumParts[blockIdx.x * E + e] = sum;
    if (first > 0) {
      atomicAdd(reinterpret_cast<unsigned long long*>(results.first + e), static_cast<unsigned long long>(first));
    }
  }
}

__global__ void __launch_bounds__(gateThreads) clearCounts(int64_t* first, int64_t experts) {
  const int64_t e = static_cast<int64_t>(blockIdx.x) * gateThreads + threadIdx.x;
  if (e < experts) first[e] = 0;
}

__global__ void __launch_bounds__(gateThreads) addParts(const float* sumParts, int64_t count, int64_t experts, float* sums) {
  const int64_t e = static_cast<int64_t>(blockIdx.x) * gateThreads + threadIdx.x;
  if (e >= experts) return;
  float sum = 0;
#pragma unroll 8
  for (int64_t part = 0; part < count; ++part) sum += sumParts[part * experts + e];
  sums[e] = sum;
}

/// A warp for each token. With s the scores, p = s / Σ s and w the weights, see gateReference.cc for the formulas.
__global__ void __launch_bounds__(gateThreads) differentiate(Gate gate, const int64_t* chosen, const float* weights,
                                                             const float* probabilities, GateGradients grads,
                                                             float* gradLogits, int32_t* failure) {
  const int lane = threadIdx.x % 32;
  const int64_t E = gate.experts, k = gate.choices;
  const int64_t t = static_cast<int64_t>(blockIdx.x) * warps + threadIdx.x / 32;
  float* const own = reinterpret_cast<float*>(sharedMemory()) + threadIdx.x / 32 * E;  // gradients by the shares
  if (t >= gate.tokens) return;
  const bool softmax = gate.scoring == Scoring::softmax;
  const float* const p = probabilities + t * E;
  const float* const logits = gate.logits + t * E;
  for (int64_t e = lane; e < E; e += 32) {
    own[e] = (grads.probabilities ? grads.probabilities[t * E + e] : 0.0f) + (grads.sums ? grads.sums[e] : 0.0f);
  }
  __syncwarp();
  const auto expertOf = [&](int64_t c) {
    const int64_t e = chosen[t * k + c];
    if (e >= 0 && e < E) return e;
    *failure = static_cast<int32_t>(Failure::expertOutOfRange);
    return int64_t{-1};
  };
  if (grads.weights && softmax && !gate.renormalise && lane == 0) {
    for (int64_t c = 0; c < k; ++c) {
      const int64_t e = expertOf(c);
      if (e >= 0) own[e] += grads.weights[t * k + c] * gate.scale;
    }
  }
  __syncwarp();
  float inner = 0, total = 0;
  for (int64_t e = lane; e < E; e += 32) {
    inner += p[e] * own[e];
    if (!softmax) total += sigmoid(logits[e]);
  }
  inner = warpSum(inner);
  total = warpSum(total);
  for (int64_t e = lane; e < E; e += 32) own[e] = softmax ? p[e] * (own[e] - inner) : (own[e] - inner) / total;
  __syncwarp();
  if (grads.weights && (!softmax || gate.renormalise) && lane == 0) {
    float weighted = 0, sum = 0;
    for (int64_t c = 0; c < k; ++c) {
      const int64_t e = expertOf(c);
      weighted += weights[t * k + c] * grads.weights[t * k + c];
      if (!softmax && e >= 0) sum += sigmoid(logits[e]);
    }
    for (int64_t c = 0; c < k; ++c) {
      const int64_t e = expertOf(c);
      if (e < 0) continue;
      const float given = grads.weights[t * k + c];
      if (softmax) own[e] += weights[t * k + c] * (given - weighted / gate.scale);
      else own[e] += gate.renormalise ? (given * gate.scale - weighted) / sum : given * gate.scale;
    }
  }
  __syncwarp();
  for (int64_t e = lane; e < E; e += 32) {
    const float s = softmax ? 0.0f : sigmoid(logits[e]);
    gradLogits[t * E + e] = softmax ? own[e] : own[e] * s * (1.0f - s);
  }
}

/// So many that there are blocks enough to fill a GPU, and few parts to add.
int64_t tokensPerWarp(int64_t tokens) { return tokens > 0 ? parts(tokens, warps * 1024) : 1; }

int64_t blocksOf(const Gate& gate) { return parts(gate.tokens, warps * tokensPerWarp(gate.tokens)); }

}  // namespace

std::size_t gateBytes(const Gate& gate) {
  Scratch scratch(nullptr);
  scratch.take<float>(blocksOf(gate) * gate.experts);
  return scratch.used();
}

Status gate(const Gate& gate, void* scratch, const GateResults& results, Stream stream) {
  float* const sumParts = Scratch(scratch).take<float>(blocksOf(gate) * gate.experts);
  const int64_t perWarp = tokensPerWarp(gate.tokens), blocks = blocksOf(gate);
  const std::size_t shared = warps * gate.experts * Lines::bytesPerExpert;
  const int64_t expertBlocks = parts(gate.experts, gateThreads);
  const auto kernel = gate.topGroups < gate.expertGroups ? choose<true> : choose<false>;
  Launches launches;
  launches(launch(clearCounts, expertBlocks, gateThreads, 0, stream, results.first, gate.experts));
  launches(launch(kernel, blocks, gateThreads, shared, stream, gate, perWarp, sumParts, results));
  launches(launch(addParts, expertBlocks, gateThreads, 0, stream, sumParts, blocks, gate.experts, results.sums));
  return launches.status();
}

Status gateBackward(const Gate& gate, const int64_t* chosen, const float* weights, const float* probabilities,
                    const GateGradients& gradients, float* gradLogits, int32_t* failure, Stream stream) {
  return launch(differentiate, parts(gate.tokens, warps), gateThreads, warps * gate.experts * sizeof(float), stream, gate,
                chosen, weights, probabilities, gradients, gradLogits, failure);
}

}  // namespace moelab::cuda
