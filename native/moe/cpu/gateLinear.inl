// The passes of gateLinear.h for one instruction set. Included inside its namespace.

/// Summands of a float32 as operands.
template <class Operand>
constexpr int64_t summands = 1;
template <>
constexpr int64_t summands<Bf16> = 3;

inline Floats asOperand(const float*, Floats value) { return value; }
inline Floats asOperand(const Bf16*, Floats value) {
  Bf16 rounded[lanes];
  store(rounded, value);
  return load(rounded);
}

template <class Operand>
struct GateLinearPass {
  static constexpr int64_t chunk = 64;    // tokens of an item
  static constexpr int64_t columns = 64;  // of dim, of an item of the weight's gradient
  static constexpr int64_t panel = 256;   // columns of dim computed at once
  static constexpr int64_t few = summands<Operand> == 1 ? 1 : 2;  // summands that suffice for a result in bfloat16
  using Shape = Columns<Operand>;

  const GateLinear& gate;
  const int64_t T, dim, E;
  const int64_t dimP, tokensP, expertsP;  // in multiples of 32
  Operand *weights, *gradRows, *gradColumns;
  const float* grad;
  float *logits, *gradWeight;
  Bf16* gradX;

  explicit GateLinearPass(const GateLinear& gate)
      : gate(gate), T(gate.tokens), dim(gate.dim), E(gate.experts), dimP(roundUp(dim, 32)), tokensP(roundUp(T, 32)),
        expertsP(roundUp(E, 32)) {}

  const Bf16* token(int64_t t) const { return static_cast<const Bf16*>(gate.x) + t * dim; }

  /// A row of float32 (null for zeros) as `count` rows of A, `apart` elements from one to the next.
  static void split(const float* from, int64_t length, Operand* a, int64_t ld, int64_t row, int64_t apart, int64_t count) {
    for (int64_t p = 0; p < ld; p += 2 * lanes) {
      Floats rest[2];
      for (int64_t half = 0; half < 2; ++half) {
        const int64_t at = p + half * lanes;
        rest[half] = from && at < length ? loadFirst(from + at, length - at) : Floats{};
      }
      for (int64_t i = 0; i < count; ++i) {
        putRow(a + i * apart, ld, row, p, rest[0], rest[1]);
        for (Floats& each : rest) each -= asOperand(a, each);
      }
    }
  }

  /// C = the sum of the products of A's summands with those of B, of which those too small to matter are left out: from
  /// row `row` of A (`apart` elements between summands), p in [from, from + length), which is in one stretch of b.
  static void multiply(const Operand* a, int64_t apart, int64_t partsA, int64_t ld, int64_t row, int64_t rows, int64_t from,
                       int64_t length, const Operand* b, int64_t apartB, int64_t partsB, int64_t blockStride,
                       int64_t blocks, float* c, int64_t ldc) {
    for (int64_t i = 0; i < partsA; ++i) {
      for (int64_t j = 0; j < partsB && i + j < most(partsA, partsB); ++j) {
        multiplyStretch(a + i * apart, ld, row, rows, from, roundUp(length, Layout<Operand>::summed), b + j * apartB,
                        blockStride, blocks, c, ldc, from > 0 || i + j > 0, static_cast<const Operand*>(nullptr));
      }
    }
  }

  /// Rows of the weight as A: [summands][expertsP, dimP].
  static void splitWeights(const void* context, int64_t item) {
    const auto& self = *static_cast<const GateLinearPass*>(context);
    for (int64_t e = item * 16; e < item * 16 + 16; ++e)
      split(e < self.E ? self.gate.weight + e * self.dim : nullptr, self.dim, self.weights, self.dimP, e,
            self.expertsP * self.dimP, summands<Operand>);
  }

  static void forward(const void* context, int64_t item) {
    const auto& self = *static_cast<const GateLinearPass*>(context);
    [[maybe_unused]] const Registers<Operand> registers;
    const int64_t E = self.E, first = item * chunk, count = least(chunk, self.T - first);
    const Shape shape(self.dim, parts(count, 16));
    constexpr int64_t ldc = chunk + gap;
    auto* const c =
        static_cast<float*>(threadBuffer(rowGroup * ldc * sizeof(float) + shape.elements() * sizeof(Operand)));
    auto* const packed = reinterpret_cast<Operand*>(c + rowGroup * ldc);
    for (int64_t block = 0; block < shape.blocks; ++block) {
      const Bf16* rows[16];
      for (int64_t i = 0; i < 16; ++i) {
        const int64_t t = block * 16 + i;
        rows[i] = t < count ? self.token(first + t) : nullptr;
      }
      packRowsAsColumns(rows, self.dim, shape, block, packed);
    }
    for (int64_t e = 0; e < E; e += rowGroup) {
      const int64_t rows = least(rowGroup, E - e);
      for (int64_t p = 0; p < self.dim; p += Layout<Operand>::stretch)
        multiply(self.weights, self.expertsP * self.dimP, summands<Operand>, self.dimP, e, rows, p,
                 least(Layout<Operand>::stretch, self.dim - p), packed + shape.place(p, 0), 0, 1,
                 shape.stretchAt(p) * lanes, shape.blocks, c, ldc);
      for (int64_t block = 0; block < shape.blocks; ++block) {
        for (int64_t i = 0; i < rows; i += 16) {
          Floats tile[16];
          for (int64_t k = 0; k < 16; ++k) tile[k] = i + k < rows ? load(c + (i + k) * ldc + block * 16) : Floats{};
          transpose(tile);
          for (int64_t k = 0; k < least(16, count - block * 16); ++k)
            storeFirst(self.logits + (first + block * 16 + k) * E + e + i, tile[k], rows - i);
        }
      }
    }
  }

  void runForward() {
    const std::size_t bytes = summands<Operand> * expertsP * dimP * sizeof(Operand);
    Scratch scratch(Scratch::sizeOf(bytes));
    weights = static_cast<Operand*>(scratch.take(bytes));
    const Phase phases[] = {{expertsP / 16, splitWeights}, {parts(T, chunk), forward}};
    runPhases(phases, 2, this, threads());
  }

  /// Of sixteen tokens the gradient as A, by token [few][tokensP, expertsP] and by expert [summands][expertsP, tokensP].
  static void splitGrad(const void* context, int64_t item) {
    const auto& self = *static_cast<const GateLinearPass*>(context);
    const int64_t first = item * 16, E = self.E;
    const auto row = [&](int64_t t) { return t < self.T ? self.grad + t * E : nullptr; };
    if (self.gradX) {
      for (int64_t t = first; t < first + 16; ++t)
        split(row(t), E, self.gradRows, self.expertsP, t, self.tokensP * self.expertsP, few);
    }
    if (!self.gradWeight) return;
    for (int64_t e = 0; e < self.expertsP; e += 2 * lanes) {
      Floats rest[2][16];
      for (int64_t half = 0; half < 2; ++half) {
        const int64_t at = e + half * lanes;
        for (int64_t i = 0; i < 16; ++i)
          rest[half][i] = row(first + i) && at < E ? loadFirst(row(first + i) + at, E - at) : Floats{};
      }
      for (int64_t part = 0; part < summands<Operand>; ++part) {
        Floats tiles[2][16];
        for (int64_t half = 0; half < 2; ++half) {
          for (int64_t i = 0; i < 16; ++i) {
            tiles[half][i] = rest[half][i];
            rest[half][i] -= asOperand(self.gradColumns, rest[half][i]);
          }
        }
        putColumns(tiles, self.gradColumns + part * self.expertsP * self.tokensP, self.tokensP, e, first);
      }
    }
  }

  Shape weightShape() const { return {expertsP, parts(dim, 16)}; }

  /// Sixteen columns of the weight as B for x's gradient, [few] times weightShape.
  static void packWeights(const void* context, int64_t item) {
    const auto& self = *static_cast<const GateLinearPass*>(context);
    const int64_t first = item * 16, count = self.dim - first;
    const Shape shape = self.weightShape();
    for (int64_t e = 0; e < self.expertsP; e += 2) {
      Floats rest[2];
      for (int64_t i = 0; i < 2; ++i)
        rest[i] = e + i < self.E ? loadFirst(self.gate.weight + (e + i) * self.dim + first, count) : Floats{};
      for (int64_t part = 0; part < few; ++part) {
        putPair(self.weights + part * shape.elements() + shape.place(e, item), e % Layout<Operand>::stretch, rest[0], rest[1]);
        for (Floats& each : rest) each -= asOperand(self.weights, each);
      }
    }
  }

  static void inputGradient(const void* context, int64_t item) {
    const auto& self = *static_cast<const GateLinearPass*>(context);
    [[maybe_unused]] const Registers<Operand> registers;
    const int64_t first = item * chunk, count = least(chunk, self.T - first);
    const Shape shape = self.weightShape();
    constexpr int64_t ldc = panel + gap;
    auto* const c = static_cast<float*>(threadBuffer(chunk * ldc * sizeof(float)));
    for (int64_t block = 0; block < shape.blocks; block += panel / 16) {
      const int64_t some = least(panel / 16, shape.blocks - block), wide = least(panel, self.dim - block * 16);
      for (int64_t p = 0; p < self.expertsP; p += Layout<Operand>::stretch)
        multiply(self.gradRows, self.tokensP * self.expertsP, few, self.expertsP, first, count, p,
                 least(Layout<Operand>::stretch, self.expertsP - p), self.weights + shape.place(p, block),
                 shape.elements(), few, shape.stretchAt(p) * lanes, some, c, ldc);
      for (int64_t t = 0; t < count; ++t) {
        Bf16* const to = self.gradX + (first + t) * self.dim + block * 16;
        const float* const from = c + t * ldc;
        int64_t j = 0;
        for (; j + 2 * lanes <= wide; j += 2 * lanes) storeTwo(to + j, load(from + j), load(from + j + lanes));
        for (; j < wide; j += lanes) storeFirst(to + j, load(from + j), wide - j);
      }
    }
  }

  static void weightGradient(const void* context, int64_t item) {
    const auto& self = *static_cast<const GateLinearPass*>(context);
    [[maybe_unused]] const Registers<Operand> registers;
    constexpr int64_t stretch = Layout<Operand>::stretch, ldc = columns + gap;
    const int64_t first = item * columns, wide = least(columns, self.dim - first);
    auto* const c = static_cast<float*>(
        threadBuffer(self.expertsP * ldc * sizeof(float) + columns * stretch * sizeof(Operand)));
    auto* const packed = reinterpret_cast<Operand*>(c + self.expertsP * ldc);
    for (int64_t t = 0; t < self.T; t += stretch) {
      const int64_t count = least(stretch, self.T - t);
      packMatrix(self.token(t) + first, self.dim, count, wide, packed);
      multiply(self.gradColumns, self.expertsP * self.tokensP, summands<Operand>, self.tokensP, 0, self.E, t, count, packed,
               0, 1, Shape::paddedP(count) * lanes, parts(wide, 16), c, ldc);
    }
    for (int64_t e = 0; e < self.E; ++e) {
      float* const to = self.gradWeight + e * self.dim + first;
      for (int64_t j = 0; j < wide; j += lanes)
        storeFirst(to + j, self.T > 0 ? load(c + e * ldc + j) : Floats{}, wide - j);
    }
  }

  void runBackward() {
    const std::size_t operand = sizeof(Operand), rowBytes = gradX ? few * tokensP * expertsP * operand : 0,
                      weightBytes = gradX ? few * weightShape().elements() * operand : 0,
                      columnBytes = gradWeight ? summands<Operand> * expertsP * tokensP * operand : 0;
    Scratch scratch(Scratch::sizeOf(rowBytes) + Scratch::sizeOf(weightBytes) + Scratch::sizeOf(columnBytes));
    gradRows = static_cast<Operand*>(scratch.take(rowBytes));
    weights = static_cast<Operand*>(scratch.take(weightBytes));
    gradColumns = static_cast<Operand*>(scratch.take(columnBytes));
    const Phase phases[] = {{tokensP / 16, splitGrad},
                            {gradX ? parts(dim, 16) : 0, packWeights},
                            {gradX ? parts(T, chunk) : 0, inputGradient},
                            {gradWeight ? parts(dim, columns) : 0, weightGradient}};
    runPhases(phases, 4, this, threads());
  }

  int threads() const { return T * dim < 16384 ? 1 : gate.threads; }
};
