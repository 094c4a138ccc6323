// Sixteen elements of whatever type a tensor stores. The type is asked for at every vector: the branch is always the
// same within a tensor, and memory takes far longer.

inline Floats fromFloat16(Halves halves) {
#if defined(__AVX512F__)
  return bitsOf<Floats>(_mm512_cvtph_ps(bitsOf<__m256i>(halves)));
#else
  const Words wide = __builtin_convertvector(halves, Words);
  const Words sign = (wide & 0x8000) << 16;
  const Words rest = (wide & 0x7fff) << 13;
  // The exponent's bias grows from 15 to 127; numbers below the normal ones come right by themselves.
  const Floats scaled = bitsOf<Floats>(rest) * 0x1p112f;
  const Words special = rest | 0x7f800000;
  return bitsOf<Floats>((rest >= 0x0f800000 ? special : bitsOf<Words>(scaled)) | sign);
#endif
}

/// Rounded to nearest even; beyond 65504 infinity.
inline Halves toFloat16(Floats from) {
#if defined(__AVX512F__)
  return bitsOf<Halves>(_mm512_cvtps_ph(bitsOf<__m512>(from), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#else
  const Words bits = bitsOf<Words>(from);
  const Words sign = (bits >> 16) & 0x8000;
  const Words size = bits & 0x7fffffff;
  const Words normal = (size - 0x38000000 + 0xfff + ((size >> 13) & 1)) >> 13;
  // Adding 0.5 puts the last place of a small float16 at the last place of a float32.
  const Words small = bitsOf<Words>(bitsOf<Floats>(size) + 0.5f) - 0x3f000000;
  Words half = size < 0x38800000 ? small : normal;
  half = size >= 0x477ff000 ? Words{} + 0x7c00 : half;
  half = size > 0x7f800000 ? Words{} + 0x7e00 : half;
  return __builtin_convertvector(half | sign, Halves);
#endif
}

inline const Bf16* bf16s(const void* data) { return static_cast<const Bf16*>(data); }
inline const uint16_t* halves(const void* data) { return static_cast<const uint16_t*>(data); }

/// Elements at, at + 1, … of a tensor; behind the first `count` zeros.
inline Floats read(const Elements& from, int64_t at, int64_t count) {
  switch (from.storage) {
    case Storage::float32: return loadFirst(static_cast<const float*>(from.data) + at, count);
    case Storage::bfloat16: return loadFirst(bf16s(from.data) + at, count);
    case Storage::float16: {
      Halves bits = {};
      if (count >= lanes) __builtin_memcpy(&bits, halves(from.data) + at, sizeof bits);
      else __builtin_memcpy(&bits, halves(from.data) + at, count * sizeof(uint16_t));
      return fromFloat16(bits);
    }
  }
  return Floats{};
}

inline void writeHalves(void* to, int64_t at, int64_t count, Halves bits) {
  __builtin_memcpy(static_cast<uint16_t*>(to) + at, &bits, (count >= lanes ? lanes : count) * sizeof(uint16_t));
}

/// Rounded to nearest even.
inline void write(const Elements& to, int64_t at, int64_t count, Floats values) {
  switch (to.storage) {
    case Storage::float32: return storeFirst(static_cast<float*>(to.data) + at, values, count);
    case Storage::bfloat16:
      return writeHalves(to.data, at, count, __builtin_convertvector(roundedToBf16(values), Halves));
    case Storage::float16: return writeHalves(to.data, at, count, toFloat16(values));
  }
}

/// Sixteen bits for each element decide: a value a quarter of the way up is rounded up a quarter of the time. An average
/// that a step changes by less than half a unit in the last place would otherwise never change.
inline void writeStochastically(const Elements& to, int64_t at, int64_t count, Floats values, Words random) {
  if (to.storage != Storage::bfloat16) return write(to, at, count, values);
  const Words bits = bitsOf<Words>(values);
  const Words rounded = (bits + (random & 0xffff)) >> 16;
  writeHalves(to.data, at, count, __builtin_convertvector(values == values ? rounded : (bits >> 16) | 0x40, Halves));
}

inline Words randomBits(uint32_t key, int64_t at) {
  Words x = Words{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} + static_cast<uint32_t>(at) + key;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}
