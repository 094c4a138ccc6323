// Sixteen elements at a time, in the compiler's vector types: the same source for every instruction set.
// Included inside the namespace of an instruction set.

typedef float Floats __attribute__((vector_size(64)));
typedef int32_t Ints __attribute__((vector_size(64)));
typedef uint32_t Words __attribute__((vector_size(64)));
typedef uint16_t Halves __attribute__((vector_size(32)));

constexpr int64_t lanes = 16;

struct Bf16 {
  uint16_t bits;
};

template <class To, class From>
inline To bitsOf(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof to);
  return to;
}

inline Floats broadcast(float value) { return value - Floats{}; }

inline Floats load(const float* from) {
  Floats to;
  __builtin_memcpy(&to, from, sizeof to);
  return to;
}

inline Floats load(const Bf16* from) {
  Halves halves;
  __builtin_memcpy(&halves, from, sizeof halves);
  return bitsOf<Floats>(__builtin_convertvector(halves, Words) << 16);
}

inline void store(float* to, Floats from) { __builtin_memcpy(to, &from, sizeof from); }

/// Upper halves of the words, rounded to nearest even; a NaN stays one.
inline Words roundedToBf16(Floats from) {
  const Words bits = bitsOf<Words>(from);
  const Words rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return from == from ? rounded : (bits >> 16) | 0x40;
}

inline void store(Bf16* to, Floats from) {
#if defined(__AVX512BF16__)
  const auto halves = _mm512_cvtneps_pbh(bitsOf<__m512>(from));
#else
  const Halves halves = __builtin_convertvector(roundedToBf16(from), Halves);
#endif
  __builtin_memcpy(to, &halves, sizeof halves);
}

inline void storeTwo(float* to, Floats first, Floats second) {
  store(to, first);
  store(to + lanes, second);
}

inline void storeTwo(Bf16* to, Floats first, Floats second) {
#if defined(__AVX512BF16__)
  // Lower halves of the result come from the second operand.
  const auto both = _mm512_cvtne2ps_pbh(bitsOf<__m512>(second), bitsOf<__m512>(first));
  __builtin_memcpy(to, &both, sizeof both);
#else
  store(to, first);
  store(to + lanes, second);
#endif
}

/// Two vectors to where nobody looks soon: past the caches if the place allows it.
inline void storePast(float* to, Floats first, Floats second) {
#if defined(__AVX512F__)
  if (reinterpret_cast<uintptr_t>(to) % 64 == 0) {
    _mm512_stream_ps(to, bitsOf<__m512>(first));
    _mm512_stream_ps(to + lanes, bitsOf<__m512>(second));
    return;
  }
#endif
  store(to, first);
  store(to + lanes, second);
}

inline void storePast(Bf16* to, Floats first, Floats second) {
#if defined(__AVX512BF16__)
  if (reinterpret_cast<uintptr_t>(to) % 64 == 0) {
    // Lower halves of the result come from the second operand.
    const auto both = _mm512_cvtne2ps_pbh(bitsOf<__m512>(second), bitsOf<__m512>(first));
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to), bitsOf<__m512i>(both));
    return;
  }
#endif
  store(to, first);
  store(to + lanes, second);
}

/// The first `count` elements; zeros behind them.
template <class Element>
inline Floats loadFirst(const Element* from, int64_t count) {
  if (count >= lanes) return load(from);
  Element buffer[lanes] = {};
  for (int64_t i = 0; i < count; ++i) buffer[i] = from[i];
  return load(buffer);
}

template <class Element>
inline void storeFirst(Element* to, Floats from, int64_t count) {
  if (count >= lanes) return store(to, from);
  Element buffer[lanes];
  store(buffer, from);
  for (int64_t i = 0; i < count; ++i) to[i] = buffer[i];
}

inline float sum(Floats v) {
  float total = 0;
  for (int i = 0; i < lanes; ++i) total += v[i];
  return total;
}

/// Rows become columns.
inline void transpose(Words rows[16]) {
#if defined(__AVX512F__)
#if defined(__clang__)
#define MOELAB_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MOELAB_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, Words{__VA_ARGS__})
#endif
#define MOELAB_UPPER1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define MOELAB_LOWER1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31
#define MOELAB_UPPER2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define MOELAB_LOWER2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define MOELAB_UPPER4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define MOELAB_LOWER4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define MOELAB_UPPER8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define MOELAB_LOWER8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define MOELAB_STAGE(distance)                                                \
  _Pragma("GCC unroll 16") for (int i = 0; i < 16; ++i) {                     \
    if (i & distance) continue;                                               \
    const Words a = rows[i], b = rows[i + distance];                          \
    rows[i] = MOELAB_SHUFFLE(a, b, MOELAB_UPPER##distance);                   \
    rows[i + distance] = MOELAB_SHUFFLE(a, b, MOELAB_LOWER##distance);        \
  }
  MOELAB_STAGE(1)
  MOELAB_STAGE(2)
  MOELAB_STAGE(4)
  MOELAB_STAGE(8)
#undef MOELAB_STAGE
#else
  uint32_t from[16][16], to[16][16];
  __builtin_memcpy(from, rows, sizeof from);
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 16; ++j) to[j][i] = from[i][j];
  }
  __builtin_memcpy(rows, to, sizeof to);
#endif
}

inline void transpose(Floats rows[16]) {
  Words words[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) words[i] = bitsOf<Words>(rows[i]);
  transpose(words);
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) rows[i] = bitsOf<Floats>(words[i]);
}

inline Floats clamp(Floats x, float low, float high) {
  x = x < low ? broadcast(low) : x;
  return x > high ? broadcast(high) : x;
}

/// e^x within 2 ulp, for x that neither overflows nor leaves the normal numbers; others are clamped. 2^n · e^r with
/// |r| ≤ ln 2 / 2 and a Taylor polynomial.
inline Floats exponential(Floats x) {
  x = clamp(x, -87.0f, 88.0f);
  constexpr float toInteger = 12582912.0f;  // 1.5 · 2^23: adding it rounds to a whole number
  const Floats shifted = x * 1.44269504f + toInteger;
  const Floats n = shifted - toInteger;
  const Floats r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const Ints scale = (bitsOf<Ints>(shifted) - bitsOf<Ints>(broadcast(toInteger))) << 23;
  return bitsOf<Floats>(bitsOf<Ints>(p) + scale);
}

/// 1/x within 2 ulp for x ≥ 1, from an estimate and a step of Newton's method where that is faster than a division.
inline Floats reciprocal(Floats x) {
#if defined(__AVX512F__)
  const Floats estimate = bitsOf<Floats>(_mm512_rcp14_ps(bitsOf<__m512>(x)));
  return estimate * (2.0f - x * estimate);
#else
  return 1.0f / x;
#endif
}

inline Floats sigmoid(Floats x) { return reciprocal(1.0f + exponential(-x)); }

/// Distribution function of the standard normal distribution; the error function after Abramowitz and Stegun 7.1.26,
/// absolute error 1e-7.
inline Floats normalCdf(Floats x) {
  const Floats z = (x < 0 ? -x : x) * 0.70710678f;
  const Floats t = reciprocal(z * 0.3275911f + 1.0f);
  Floats p = t * 1.061405429f - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const Floats tail = p * t * exponential(-z * z) * 0.5f;
  return x < 0 ? tail : 1.0f - tail;
}

inline Floats normalDensity(Floats x) { return exponential(x * x * -0.5f) * 0.39894228f; }
