// The passes of gate.h for one instruction set. Included inside its namespace.

constexpr float infinity = __builtin_inff();
constexpr int32_t excluded = INT32_MIN;  // the key of nothing that can be chosen
constexpr int64_t gateTokens = 64;       // of an item

/// e^x for x ≤ 0, 0 where that is below the normal numbers, NaN for NaN.
inline Floats decay(Floats x) {
  const Floats value = x < -87.0f ? Floats{} : exponential(x);
  return x == x ? value : x;
}

/// sigmoid with its limits, NaN for NaN.
inline Floats gateSigmoid(Floats x) {
  const Floats value = x < -87.0f ? Floats{} : sigmoid(x);
  return x == x ? value : x;
}

/// Whole numbers in the order of values: NaN largest, 0 and −0 equal.
inline Ints sortable(Floats value) {
  const Ints bits = bitsOf<Ints>(value + 0.0f);
  const Ints ordered = bits ^ ((bits >> 31) & INT32_MAX);
  return value == value ? ordered : ordered - ordered + INT32_MAX;
}

inline int32_t sortable(float value) {
  int32_t bits;
  value += 0.0f;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return value == value ? bits ^ ((bits >> 31) & INT32_MAX) : INT32_MAX;
}

#if defined(__clang__)
#define MOELAB_LANES(v, ...) __builtin_shufflevector(v, v, __VA_ARGS__)
#else
#define MOELAB_LANES(v, ...) __builtin_shuffle(v, Words{__VA_ARGS__})
#endif

/// All lanes become f of all lanes, which must not mind the order: always the same one.
template <class Vector, class F>
inline Vector acrossLanes(Vector v, F f) {
  v = f(v, MOELAB_LANES(v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  v = f(v, MOELAB_LANES(v, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3));
  v = f(v, MOELAB_LANES(v, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1));
  return f(v, MOELAB_LANES(v, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0));
}
#undef MOELAB_LANES

inline Floats allSum(Floats v) {
  return acrossLanes(v, [](Floats a, Floats b) { return a + b; });
}

/// Turns `count` values, in whole vectors with −infinity behind them, into their softmax; NaN in all of them for what has
/// none: differences of equal infinities are NaN, and the sum carries it to all.
inline void softmaxInPlace(float* values, int64_t count) {
  Floats top = broadcast(-infinity);
  for (int64_t j = 0; j < count; j += lanes) {
    const Floats value = load(values + j);
    top = value > top ? value : top;
  }
  top = acrossLanes(top, [](Floats a, Floats b) { return a > b ? a : b; });
  Floats total = {};
  for (int64_t j = 0; j < count; j += lanes) {
    const Floats value = decay(load(values + j) - top);
    total += value;
    store(values + j, value);
  }
  const Floats share = 1.0f / allSum(total);
  for (int64_t j = 0; j < count; j += lanes) store(values + j, load(values + j) * share);
}

/// Index of the largest key, the first of equal ones. `count` is a multiple of `lanes`.
inline int64_t largest(const int32_t* keys, int64_t count) {
  constexpr Ints lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  Ints best, at = lane;
  __builtin_memcpy(&best, keys, sizeof best);
  for (int64_t j = lanes; j < count; j += lanes) {
    Ints key;
    __builtin_memcpy(&key, keys + j, sizeof key);
    const Ints larger = key > best;
    best = larger ? key : best;
    at = larger ? lane + int32_t(j) : at;
  }
  const Ints most = acrossLanes(best, [](Ints a, Ints b) { return a > b ? a : b; });
  at = best == most ? at : Ints{} + INT32_MAX;
  return acrossLanes(at, [](Ints a, Ints b) { return a < b ? a : b; })[0];
}

struct GateForward {
  const GateScores& gate;
  const GateChoice& choice;
  float* parts;  // [items, padded E]: sums of the probabilities of an item's tokens

  int64_t padded() const { return roundUp(gate.experts, lanes); }

  /// Leaves the keys of all experts outside of the best groups at `excluded`.
  void keepBestGroups(const float* ranks, int32_t* keys, int32_t* groupKeys) const {
    const int64_t groups = gate.expertGroups, size = gate.experts / groups;
    for (int64_t g = 0; g < groups; ++g) {
      int64_t best = g * size, second = -1;
      for (int64_t e = g * size + 1; e < (g + 1) * size; ++e) {
        if (keys[e] > keys[best]) {
          second = best;
          best = e;
        } else if (second < 0 || keys[e] > keys[second]) {
          second = e;
        }
      }
      groupKeys[g] = sortable(second < 0 ? ranks[best] : ranks[best] + ranks[second]);
    }
    const int64_t paddedGroups = roundUp(groups, lanes);
    for (int64_t g = groups; g < paddedGroups; ++g) groupKeys[g] = excluded;
    // The chosen groups are marked by the one key that no value has.
    for (int64_t i = 0; i < gate.topGroups; ++i) groupKeys[largest(groupKeys, paddedGroups)] = excluded;
    for (int64_t g = 0; g < groups; ++g) {
      if (groupKeys[g] == excluded) continue;
      for (int64_t e = g * size; e < (g + 1) * size; ++e) keys[e] = excluded;
    }
  }

  /// [k] scores of the chosen, in whole vectors.
  void weigh(const float* logits, const float* scores, const int64_t* chosen, float* room, float* weights) const {
    const int64_t k = gate.choices;
    if (gate.renormalise && gate.softmax) {
      for (int64_t c = 0; c < k; ++c) room[c] = logits[chosen[c]];
      for (int64_t c = k; c < roundUp(k, lanes); ++c) room[c] = -infinity;
      softmaxInPlace(room, k);
      for (int64_t c = 0; c < k; ++c) weights[c] = room[c] * gate.scale;
      return;
    }
    float factor = gate.scale;
    if (gate.renormalise) {
      float total = 0;
      for (int64_t c = 0; c < k; ++c) total += scores[chosen[c]];
      factor /= total;
    }
    for (int64_t c = 0; c < k; ++c) weights[c] = scores[chosen[c]] * factor;
  }

  static void choose(const void* context, int64_t item) {
    const auto& self = *static_cast<const GateForward*>(context);
    const GateScores& gate = self.gate;
    const int64_t E = gate.experts, k = gate.choices, wide = self.padded();
    auto* const scores = static_cast<float*>(threadBuffer(6 * wide * sizeof(float)));
    float *const ranks = scores + wide, *const room = ranks + wide, *const logits = room + wide;
    auto* const keys = reinterpret_cast<int32_t*>(logits + wide);
    int32_t* const groupKeys = keys + wide;
    for (int64_t e = E; e < wide; ++e) logits[e] = -infinity;
    float* const sums = self.parts + item * wide;
    for (int64_t j = 0; j < wide; ++j) sums[j] = 0;
    const bool byLogits = !gate.bias && gate.topGroups == gate.expertGroups;
    const int64_t last = least(gate.tokens, (item + 1) * gateTokens);
    for (int64_t t = item * gateTokens; t < last; ++t) {
      __builtin_memcpy(logits, gate.logits + t * E, E * sizeof(float));
      float share = 1;
      if (gate.softmax) {
        __builtin_memcpy(scores, logits, wide * sizeof(float));
        softmaxInPlace(scores, E);
      } else {
        Floats total = {};
        for (int64_t j = 0; j < wide; j += lanes) {
          const Floats score = gateSigmoid(load(logits + j));
          total += score;
          store(scores + j, score);
        }
        share = 1.0f / allSum(total)[0];
      }
      float* const probabilities = self.choice.probabilities + t * E;
      for (int64_t j = 0; j < wide; j += lanes) {
        const Floats probability = gate.softmax ? load(scores + j) : load(scores + j) * share;
        storeFirst(probabilities + j, probability, E - j);
        store(sums + j, load(sums + j) + probability);
      }
      for (int64_t j = 0; j < wide; j += lanes) {
        Floats rank = load((byLogits ? logits : scores) + j);
        if (gate.bias) rank += loadFirst(gate.bias + j, E - j);
        store(ranks + j, rank);
        const Ints key = sortable(rank);
        __builtin_memcpy(keys + j, &key, sizeof key);
      }
      for (int64_t e = E; e < wide; ++e) keys[e] = excluded;
      if (gate.topGroups < gate.expertGroups) self.keepBestGroups(ranks, keys, groupKeys);
      int64_t* const chosen = self.choice.experts + t * k;
      for (int64_t c = 0; c < k; ++c) {
        chosen[c] = largest(keys, wide);
        keys[chosen[c]] = excluded;
      }
      self.weigh(logits, scores, chosen, room, self.choice.weights + t * k);
    }
  }

  void run() {
    const int64_t items = itemsOf(gate.tokens), wide = padded();
    Scratch scratch(Scratch::sizeOf(items * wide * sizeof(float)));
    parts = static_cast<float*>(scratch.take(items * wide * sizeof(float)));
    const Phase phase{items, choose};
    runPhases(&phase, 1, this, threadsFor(gate));
    for (int64_t e = 0; e < gate.experts; ++e) {
      double total = 0;
      for (int64_t item = 0; item < items; ++item) total += parts[item * wide + e];
      choice.sums[e] = float(total);
    }
  }

  static int64_t itemsOf(int64_t tokens) { return (tokens + gateTokens - 1) / gateTokens; }

  /// What takes a few microseconds is not worth waking a thread.
  static int threadsFor(const GateScores& gate) {
    return gate.tokens * (gate.experts + 16 * gate.choices) < 16384 ? 1 : gate.threads;
  }
};

struct GateBackward {
  const GateScores& gate;
  const GateChoice& choice;
  const GateChoiceGradients& gradients;
  float* gradLogits;

  /// Gradients of the probabilities of a token, in whole vectors; false if there are none.
  bool shares(int64_t t, float* to) const {
    const int64_t E = gate.experts, k = gate.choices, wide = roundUp(E, lanes);
    const bool direct = gate.softmax && gradients.weights && !gate.renormalise;
    if (!gradients.probabilities && !gradients.sums && !direct) return false;
    for (int64_t j = 0; j < wide; j += lanes) {
      Floats grad = {};
      if (gradients.probabilities) grad += loadFirst(gradients.probabilities + t * E + j, E - j);
      if (gradients.sums) grad += loadFirst(gradients.sums + j, E - j);
      store(to + j, grad);
    }
    if (direct) {
      for (int64_t c = 0; c < k; ++c) to[choice.experts[t * k + c]] += gradients.weights[t * k + c] * gate.scale;
    }
    return true;
  }

  /// Σ over the chosen of weight · gradient.
  float weighted(int64_t t) const {
    float total = 0;
    for (int64_t c = 0; c < gate.choices; ++c)
      total += choice.weights[t * gate.choices + c] * gradients.weights[t * gate.choices + c];
    return total;
  }

  void softmaxToken(int64_t t, float* room) const {
    const int64_t E = gate.experts, k = gate.choices, wide = roundUp(E, lanes);
    float* const to = gradLogits + t * E;
    if (shares(t, room)) {
      const float* const p = choice.probabilities + t * E;
      Floats inner = {};
      for (int64_t j = 0; j < wide; j += lanes) inner += loadFirst(p + j, E - j) * load(room + j);
      const float total = allSum(inner)[0];
      for (int64_t j = 0; j < wide; j += lanes)
        storeFirst(to + j, loadFirst(p + j, E - j) * (load(room + j) - total), E - j);
    } else {
      for (int64_t e = 0; e < E; ++e) to[e] = 0;
    }
    if (!gradients.weights || !gate.renormalise) return;
    const float inner = weighted(t) / gate.scale;
    for (int64_t c = 0; c < k; ++c)
      to[choice.experts[t * k + c]] += choice.weights[t * k + c] * (gradients.weights[t * k + c] - inner);
  }

  void sigmoidToken(int64_t t, float* room, float* scores) const {
    const int64_t E = gate.experts, k = gate.choices, wide = roundUp(E, lanes);
    const float* const logits = gate.logits + t * E;
    Floats all = {}, inner = {};
    const bool shared = shares(t, room);
    for (int64_t j = 0; j < wide; j += lanes) {
      Floats score = gateSigmoid(loadFirst(logits + j, E - j));
      for (int64_t i = E - j; i < lanes; ++i) score[i] = 0;
      store(scores + j, score);
      all += score;
      if (shared) inner += loadFirst(choice.probabilities + t * E + j, E - j) * load(room + j);
    }
    const float total = allSum(all)[0], mean = allSum(inner)[0];
    for (int64_t j = 0; j < wide; j += lanes) store(room + j, shared ? (load(room + j) - mean) / total : Floats{});
    if (gradients.weights) {
      float factor = 1, less = 0;
      if (gate.renormalise) {
        float chosen = 0;
        for (int64_t c = 0; c < k; ++c) chosen += scores[choice.experts[t * k + c]];
        factor = 1 / chosen;
        less = weighted(t);
      }
      for (int64_t c = 0; c < k; ++c)
        room[choice.experts[t * k + c]] += (gradients.weights[t * k + c] * gate.scale - less) * factor;
    }
    for (int64_t j = 0; j < wide; j += lanes) {
      const Floats score = load(scores + j);
      storeFirst(gradLogits + t * E + j, load(room + j) * score * (1.0f - score), E - j);
    }
  }

  static void tokens(const void* context, int64_t item) {
    const auto& self = *static_cast<const GateBackward*>(context);
    const int64_t wide = roundUp(self.gate.experts, lanes);
    auto* const room = static_cast<float*>(threadBuffer(2 * wide * sizeof(float)));
    const int64_t last = least(self.gate.tokens, (item + 1) * gateTokens);
    for (int64_t t = item * gateTokens; t < last; ++t) {
      if (self.gate.softmax) self.softmaxToken(t, room);
      else self.sigmoidToken(t, room, room + wide);
    }
  }

  void run() const {
    const Phase phase{GateForward::itemsOf(gate.tokens), tokens};
    runPhases(&phase, 1, this, GateForward::threadsFor(gate));
  }
};
