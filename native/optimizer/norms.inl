// Sums of squares in float64: nothing overflows, and small gradients count.

typedef double Doubles __attribute__((vector_size(64)));
typedef float HalfFloats __attribute__((vector_size(32)));

struct PartialNorms {
  const SquaredNorms* norms;
  const Elements* tensors;
  int64_t count;
  int threads;
  /// Of each piece; a tensor's begin at its place in `first`.
  double* sums;
  const int64_t* first;
};

inline void addSquares(Doubles& low, Doubles& high, Floats x) {
  HalfFloats parts[2];
  __builtin_memcpy(parts, &x, sizeof x);
  const Doubles a = __builtin_convertvector(parts[0], Doubles), b = __builtin_convertvector(parts[1], Doubles);
  low += a * a;
  high += b * b;
}

void normPiece(const PartialNorms& all, int64_t index, int64_t begin, int64_t end) {
  const int64_t length = all.norms->counts[index];
  if (end > length) end = length;
  Doubles low = {}, high = {};
  for (int64_t at = begin; at < end; at += lanes) addSquares(low, high, read(all.tensors[index], at, end - at));
  low += high;
  double sum = 0;
  for (int i = 0; i < 8; ++i) sum += low[i];
  all.sums[all.first[index] + begin / pieceLength] = sum;
}

void sumSquares(const SquaredNorms& norms) {
  const Row<int64_t> first(norms.count + 1);
  first.at[0] = 0;
  for (int64_t at = 0; at < norms.count; ++at) {
    first.at[at + 1] = first.at[at] + (norms.counts[at] + pieceLength - 1) / pieceLength;
  }
  const Row<double> sums(first.at[norms.count]);
  const PartialNorms partial{&norms, norms.tensors, norms.count, norms.threads, sums.at, first.at};
  forPieces<PartialNorms, normPiece>(partial, [&](int64_t at) { return norms.counts[at]; });
  for (int64_t at = 0; at < norms.count; ++at) {
    double sum = 0;
    for (int64_t piece = first.at[at]; piece < first.at[at + 1]; ++piece) sum += sums.at[piece];
    norms.sums[at] = sum;
  }
}
