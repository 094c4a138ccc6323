// Products of a few rows with whole weight matrices: the time is that of reading the weights once.

/// Outputs [first, first + outputs) of all rows. Weights of the next outputs are fetched meanwhile: processors do not
/// find out by themselves where so many rows go on.
template <class Storage, int rows, int outputs>
inline void fewOutputs(const float* x, int64_t inputs, const Storage* weight, Storage* y, int64_t ldy, bool more) {
  constexpr int64_t line = 64 / sizeof(Storage);
  Floats sums[rows][outputs] = {};
  const auto step = [&](int64_t p, auto loadWeights, auto loadX) {
    Floats w[outputs];
    for (int o = 0; o < outputs; ++o) w[o] = loadWeights(weight + o * inputs + p);
    for (int row = 0; row < rows; ++row) {
      const Floats v = loadX(x + row * inputs + p);
      for (int o = 0; o < outputs; ++o) sums[row][o] += w[o] * v;
    }
  };
  int64_t p = 0;
  for (; p + lanes <= inputs; p += lanes) {
    if (more && p % line == 0) {
      for (int o = 0; o < outputs; ++o) __builtin_prefetch(weight + (outputs + o) * inputs + p, 0, 3);
    }
    step(p, [](const Storage* from) { return load(from); }, [](const float* from) { return load(from); });
  }
  if (p < inputs) {
    const int64_t count = inputs - p;
    step(p, [&](const Storage* from) { return loadFirst(from, count); },
         [&](const float* from) { return loadFirst(from, count); });
  }
  for (int row = 0; row < rows; ++row) {
    for (int o = 0; o < outputs; ++o) {
      const Floats whole = broadcast(total(sums[row][o]));
      storeFirst(y + row * ldy + o, whole, 1);
    }
  }
}

template <class Storage, int rows>
void fewStretch(const float* x, int64_t inputs, const FewRows::Product& product, int64_t first, int64_t last) {
  const auto at = [&](int64_t output) { return static_cast<const Storage*>(product.weight) + output * inputs; };
  Storage* y = static_cast<Storage*>(product.y);
  int64_t o = first;
  for (; o + 4 <= last; o += 4)
    fewOutputs<Storage, rows, 4>(x, inputs, at(o), y + o, product.outputs, o + 8 <= product.outputs);
  for (; o < last; ++o)
    fewOutputs<Storage, rows, 1>(x, inputs, at(o), y + o, product.outputs, o + 2 <= product.outputs);
}

template <class Storage>
void multiplyFew(const FewRows& few) {
  // Outputs of a piece, a multiple of four: so many bytes that claiming one costs nothing.
  constexpr int64_t bytes = 32 * 1024;
  const int64_t inputs = few.inputs;
  const int64_t piece = (bytes / (inputs * int64_t(sizeof(Storage)) + 1) / 4 + 1) * 4;
  const auto buffer = static_cast<char*>(
      threadBuffer((few.count + 1) * sizeof(int64_t) + few.rows * inputs * sizeof(float) + 64));
  int64_t* const before = reinterpret_cast<int64_t*>(buffer);
  before[0] = 0;
  for (int64_t i = 0; i < few.count; ++i) before[i + 1] = before[i] + (few.products[i].outputs + piece - 1) / piece;
  float* const x = reinterpret_cast<float*>(before + few.count + 1);
  for (int64_t row = 0; row < few.rows; ++row) {
    for (int64_t p = 0; p < inputs; p += lanes) {
      const int64_t at = row * inputs + p;
      storeFirst(x + at, loadFirst(static_cast<const Storage*>(few.x) + at, inputs - p), inputs - p);
    }
  }
  forRows(before[few.count], 1, few.threads, [&](int64_t item, int64_t) {
    int64_t i = 0;
    while (before[i + 1] <= item) ++i;
    const FewRows::Product& product = few.products[i];
    const int64_t first = (item - before[i]) * piece;
    const int64_t last = first + piece < product.outputs ? first + piece : product.outputs;
    using Stretch = void (*)(const float*, int64_t, const FewRows::Product&, int64_t, int64_t);
    static constexpr Stretch stretch[FewRows::mostRows] = {
        fewStretch<Storage, 1>, fewStretch<Storage, 2>, fewStretch<Storage, 3>, fewStretch<Storage, 4>,
        fewStretch<Storage, 5>, fewStretch<Storage, 6>, fewStretch<Storage, 7>, fewStretch<Storage, 8>};
    stretch[few.rows - 1](x, inputs, product, first, last);
  });
}
