// Products of an expert that has a few rows only, as in decoding: every weight is read once and met in the vector registers
// by the few rows, which takes as long as memory takes to deliver it. Included inside the namespace of an instruction set.

/// Rows of an expert up to which this is the faster way.
constexpr int64_t fewRows = 4;

/// The sum of each of sixteen vectors.
inline Floats sums(Floats vectors[16]) {
  transpose(vectors);
  for (int distance = 8; distance > 0; distance /= 2) {
    for (int i = 0; i < distance; ++i) vectors[i] += vectors[i + distance];
  }
  return vectors[0];
}

/// Products of some rows of weights with each of the rows x, before their lanes are added up: vectors[row][unit].
template <int unitCount, int rowCount, class Storage>
inline void meet(const Storage* weights, int64_t ld, const float* x, int64_t ldx, int64_t p, Floats (*vectors)[16]) {
  constexpr int64_t line = 64 / sizeof(Storage);
  Floats totals[unitCount][rowCount] = {};
  const auto step = [&](int64_t at, auto loadWeights) {
    for (int u = 0; u < unitCount; ++u) {
      const Floats w = loadWeights(weights + u * ld + at);
      for (int r = 0; r < rowCount; ++r) totals[u][r] += w * load(x + r * ldx + at);
    }
  };
  int64_t at = 0;
  for (; at + line <= p; at += line) {
    // Processors fetch ahead by themselves, but not behind the end of a row.
    for (int u = 0; u < unitCount; ++u) __builtin_prefetch(weights + (u + unitCount) * ld + at, 0, 2);
    for (int64_t i = 0; i < line; i += lanes) step(at + i, [](const Storage* from) { return load(from); });
  }
  for (; at < p; at += lanes) step(at, [&](const Storage* from) { return loadFirst(from, p - at); });
  for (int u = 0; u < unitCount; ++u) {
    for (int r = 0; r < rowCount; ++r) vectors[r][u] = totals[u][r];
  }
}

/// Up to sixteen rows of weights with up to `fewRows` rows x, which are padded with zeros to whole vectors: to[row].
template <int rowCount, class Storage>
inline void multiplyRows(const Storage* weights, int64_t ld, int64_t units, const float* x, int64_t ldx, int64_t p,
                         Floats* to) {
  constexpr int atOnce = rowCount <= 2 ? 8 : 4;
  Floats vectors[rowCount][16] = {};
  int64_t unit = 0;
  const auto part = [&] {
    return reinterpret_cast<Floats(*)[16]>(&vectors[0][unit]);
  };
  for (; unit + atOnce <= units; unit += atOnce)
    meet<atOnce, rowCount>(weights + unit * ld, ld, x, ldx, p, part());
  for (; unit < units; ++unit) meet<1, rowCount>(weights + unit * ld, ld, x, ldx, p, part());
  for (int r = 0; r < rowCount; ++r) to[r] = sums(vectors[r]);
}

template <class Storage>
inline void multiplyFew(const Storage* weights, int64_t ld, int64_t units, const float* x, int64_t ldx, int64_t rows,
                        int64_t p, Floats to[fewRows]) {
  static_assert(fewRows == 4);
  if (rows == 1) multiplyRows<1>(weights, ld, units, x, ldx, p, to);
  else if (rows == 2) multiplyRows<2>(weights, ld, units, x, ldx, p, to);
  else if (rows == 3) multiplyRows<3>(weights, ld, units, x, ldx, p, to);
  else multiplyRows<4>(weights, ld, units, x, ldx, p, to);
}
