// The backward pass of expertFfn.inl. With h = activation(up · x), all for one row of weight w and gradient g of its token:
//
//   dh = downᵀ · g,   dweight = dh · h,   dz = w · dh ∘ activation'(z),   dx = upᵀ · dz
//   ddown = Σ_rows g ⊗ (w h),   dup = Σ_rows dz ⊗ x
//
// so that the answers of the experts are not needed again.

template <class Storage, class Operand>
struct Backward : Plan<Storage, Operand> {
  using Base = Plan<Storage, Operand>;
  using Base::Base;
  const void* gradOut;
  const Storage* preactivation;
  ExpertFfnGradients gradients;
  Piece *rowPieces, *hiddenPieces, *productPieces;
  int64_t inputItems, downItems, upItems;  // the parts of productPieces
  int64_t* padded;         // [rows] padded row of each row
  Operand* gradRows;       // A [padded rows, dimQ]: g
  Operand* gradColumns;    // of each expert A [dimQ, padded rows]: gᵀ
  Operand* inputs;         // of each expert B [padded rows, dimQ]: x
  Operand* gradHidden;     // A [padded rows, widthQ]: dz
  Operand* gradHiddenColumns;  // of each expert A [widthQ, padded rows]: dzᵀ
  Operand* activated;      // of each expert B [padded rows, hiddenQ]: w h
  float* gradInputs;       // [padded rows, dimQ]: dx
  float* weightParts;      // [hidden panels, padded rows]

  static void gatherRows(const void* context, int64_t item) {
    const auto& self = *static_cast<const Backward*>(context);
    const auto [e, block] = self.rowPieces[item];
    const int64_t start = self.padOffset[e], rowsP = self.paddedRowsOf(e), first = block * 16;
    const Storage *inputs[16], *grads[16];
    self.gather(self.ffn.x, e, first, inputs);
    self.gather(self.gradOut, e, first, grads);
    for (int64_t j = 0; j < self.dimQ; j += 16) {
      const int64_t columns = self.dim - j;
      Floats tile[16];
      for (int64_t i = 0; i < 16; ++i) {
        tile[i] = grads[i] && columns > 0 ? loadFirst(grads[i] + j, columns) : Floats{};
        store(self.gradRows + (start + first + i) * self.dimQ + j, tile[i]);
      }
      transpose(tile);
      for (int64_t k = 0; k < 16; ++k) store(self.gradColumns + start * self.dimQ + (j + k) * rowsP + first, tile[k]);
      Operand* to = self.inputs + start * self.dimQ + j * rowsP + first * 16;
      for (int64_t i = 0; i < 16; i += 2) {
        const bool inside = columns > 0;
        packPair(inside && inputs[i] ? inputs[i] + j : nullptr, inside && inputs[i + 1] ? inputs[i + 1] + j : nullptr,
                 columns, to + i * 16);
      }
    }
    for (int64_t i = 0; i < 16; ++i) {
      Operand* row = self.gradHidden + (start + first + i) * self.widthQ;
      __builtin_memset(row + self.width, 0, (self.widthQ - self.width) * sizeof(Operand));
    }
  }

  /// From g to dz for some hidden units of all rows of an expert.
  static void hiddenUnits(const void* context, int64_t item) {
    const auto& self = *static_cast<const Backward*>(context);
    const auto [e, panel] = self.hiddenPieces[item];
    [[maybe_unused]] const Registers<Operand> registers;
    const int64_t first = panel * hiddenPanel, units = least(hiddenPanel, self.hidden - first);
    const int64_t start = self.padOffset[e], rowsP = self.paddedRowsOf(e), stride = packedBlock(self.dimP);
    const auto buffer = static_cast<float*>(
        threadBuffer(rowChunk * hiddenPanel * sizeof(float) + hiddenPanel / 16 * stride * sizeof(Operand)));
    const auto weights = reinterpret_cast<Operand*>(buffer + rowChunk * hiddenPanel);
    packMatrix(self.down(e) + first, self.hidden, self.dim, self.dimP, units, weights);
    for (int64_t row = 0; row < rowsP; row += rowChunk) {
      const int64_t rows = least(rowChunk, rowsP - row);
      product<Source::cache, Into::nothing>(self.gradRows + (start + row) * self.dimQ, self.dimQ, rows, weights, self.dimP, stride, parts(units, 16),
              buffer, hiddenPanel);
      for (int64_t i = 0; i < rows; i += 16) self.activate(e, panel, row + i, first, units, buffer + i * hiddenPanel);
    }
  }

  /// Sixteen rows: `grads` [16, hiddenPanel] is dh.
  void activate(int64_t e, int64_t panel, int64_t row, int64_t first, int64_t units, const float* grads) const {
    const int64_t start = this->padOffset[e], rowsP = this->paddedRowsOf(e), count = this->rowsOf(e) - row;
    const bool gated = this->gated();
    Floats weightSums[16] = {};
    float weights[16] = {};
    for (int64_t i = 0; i < least(16, count); ++i) weights[i] = this->weightOf(this->ffn.offset[e] + row + i);
    constexpr int64_t atOnce = ExpertFfn::preactivationBlock;
    for (int64_t j = 0; j < units; j += atOnce) {
      const int64_t unit = first + j, columns = units - j;
      const Storage* gates = preactivation + this->preactivationAt(e, row, unit);
      const Storage* ups = gated ? preactivation + this->preactivationAt(e, row, this->upColumn() + unit) : nullptr;
      Floats gate[2][16], up[2][16];
      for (int64_t half = 0; half < 2 && half * lanes < columns; ++half) {
        Floats hidden[16];
        for (int64_t i = 0; i < 16; ++i) {
          if (i >= count) {
            gate[half][i] = up[half][i] = hidden[i] = Floats{};
            continue;
          }
          const int64_t at = i * atOnce + half * lanes;
          const Floats a = load(gates + at), dh = load(grads + i * hiddenPanel + j + half * lanes);
          const Floats weighted = dh * weights[i];
          Floats h;
          if (gated) {
            const Floats b = load(ups + at), s = sigmoid(a), silu = a * s;
            h = silu * b;
            up[half][i] = weighted * silu;
            gate[half][i] = weighted * b * (s + silu * (1.0f - s));
          } else {
            const Floats cdf = normalCdf(a);
            h = a * cdf;
            gate[half][i] = weighted * (cdf + a * normalDensity(a));
          }
          weightSums[i] += dh * h;
          hidden[i] = h * weights[i];
        }
        Operand* packed = activated + start * this->hiddenQ + (unit + half * lanes) * rowsP + row * 16;
        for (int64_t i = 0; i < 16; i += 2) storePair(packed + i * 16, hidden[i], hidden[i + 1]);
      }
      put(gate, start, rowsP, row, unit, columns);
      if (gated) put(up, start, rowsP, row, this->hidden + unit, columns);
    }
    float* sums = weightParts + panel * this->paddedRows + start + row;
    for (int64_t i = 0; i < 16; ++i) sums[i] = sum(weightSums[i]);
  }

  /// Sixteen rows and up to 32 columns of dz, as rows and as columns.
  void put(Floats tiles[2][16], int64_t start, int64_t rowsP, int64_t row, int64_t column, int64_t columns) const {
    for (int64_t i = 0; i < 16; ++i) {
      Operand* to = gradHidden + (start + row + i) * this->widthQ + column;
      if (columns >= 2 * lanes) storeTwo(to, tiles[0][i], tiles[1][i]);
      else for (int64_t half = 0; half * lanes < columns; ++half)
        storeFirst(to + half * lanes, tiles[half][i], columns - half * lanes);
    }
    Operand* to = gradHiddenColumns + start * this->widthQ + column * rowsP + row;
    for (int64_t half = 0; half < 2 && half * lanes < columns; ++half) {
      transpose(tiles[half]);
      for (int64_t k = 0; k < least(16, columns - half * lanes); ++k)
        store(to + (half * lanes + k) * rowsP, tiles[half][k]);
    }
  }

  static void products(const void* context, int64_t item) {
    const auto& self = *static_cast<const Backward*>(context);
    const auto [e, panel] = self.productPieces[item];
    [[maybe_unused]] const Registers<Operand> registers;
    if (item < self.inputItems) self.inputGradient(e, panel);
    else if (item < self.inputItems + self.downItems) self.downGradient(e, panel);
    else self.upGradient(e, panel);
  }

  void inputGradient(int64_t e, int64_t panel) const {
    const int64_t first = panel * inputPanel, columns = least(inputPanel, this->dim - first);
    const int64_t start = this->padOffset[e], rowsP = this->paddedRowsOf(e), width = this->width;
    const auto weights =
        static_cast<Operand*>(threadBuffer(inputPanel / 16 * packedBlock(summedChunk) * sizeof(Operand)));
    for (int64_t p = 0; p < width; p += summedChunk) {
      const int64_t count = least(summedChunk, width - p), summed = roundUp(count, Base::Need::summed);
      packMatrix(this->up(e) + p * this->dim + first, this->dim, count, summed, columns, weights);
      for (int64_t row = 0; row < rowsP; row += rowChunk) {
        const auto add = [&](auto product) {
          product(gradHidden + (start + row) * this->widthQ + p, this->widthQ, least(rowChunk, rowsP - row), weights,
                  summed, packedBlock(summed), parts(columns, 16), gradInputs + (start + row) * this->dimQ + first,
                  this->dimQ);
        };
        if (p == 0) add([](auto... size) { product<Source::cache, Into::nothing>(size...); });
        else add([](auto... size) { product<Source::cache, Into::sum>(size...); });
      }
    }
  }

  void downGradient(int64_t e, int64_t panel) const {
    const int64_t first = panel * columnChunk, columns = least(columnChunk, this->hidden - first);
    const int64_t start = this->padOffset[e];
    outerProduct(e, gradColumns + start * this->dimQ, this->dim, activated + start * this->hiddenQ, first, columns,
                 static_cast<Storage*>(gradients.down) + e * this->dim * this->hidden, this->hidden);
  }

  void upGradient(int64_t e, int64_t panel) const {
    const int64_t first = panel * columnChunk, rows = least(columnChunk, this->width - first);
    const int64_t start = this->padOffset[e], rowsP = this->paddedRowsOf(e);
    for (int64_t column = 0; column < this->dim; column += columnChunk) {
      outerProduct(e, gradHiddenColumns + start * this->widthQ + first * rowsP, rows, inputs + start * this->dimQ, column,
                   least(columnChunk, this->dim - column),
                   static_cast<Storage*>(gradients.up) + (e * this->width + first) * this->dim, this->dim);
    }
  }

  /// Columns [first, first + columns) of a · b, p along the rows of an expert.
  void outerProduct(int64_t e, const Operand* a, int64_t rows, const Operand* b, int64_t first, int64_t columns,
                    Storage* to, int64_t ld) const {
    const int64_t rowsP = this->paddedRowsOf(e);
    if (rowsP == 0) {
      for (int64_t i = 0; i < rows; ++i) __builtin_memset(to + i * ld + first, 0, columns * sizeof(Storage));
      return;
    }
    constexpr int64_t atOnce = 32;
    const auto buffer = static_cast<float*>(threadBuffer(atOnce * columnChunk * sizeof(float)));
    for (int64_t i = 0; i < rows; i += atOnce) {
      const int64_t count = least(atOnce, rows - i);
      product<Source::cache, Into::nothing>(a + i * rowsP, rowsP, roundUp(count, Base::Need::rowCount), b + first * rowsP, rowsP, rowsP * 16,
              parts(columns, 16), buffer, columnChunk);
      for (int64_t k = 0; k < count; ++k) {
        const float* from = buffer + k * columnChunk;
        Storage* row = to + (i + k) * ld + first;
        int64_t j = 0;
        for (; j + 2 * lanes <= columns; j += 2 * lanes) storePast(row + j, load(from + j), load(from + j + lanes));
        for (; j < columns; j += lanes) storeFirst(row + j, load(from + j), columns - j);
      }
    }
  }

  static void combine(const void* context, int64_t item) {
    const auto& self = *static_cast<const Backward*>(context);
    const ExpertFfn& ffn = self.ffn;
    const int64_t last = least(ffn.tokens, (item + 1) * tokenChunk), panels = parts(self.hidden, hiddenPanel);
    for (int64_t t = item * tokenChunk; t < last; ++t) {
      if (self.gradients.x)
        combineRows(ffn, t, self.gradInputs, self.padded, self.dimQ, false,
                    static_cast<Storage*>(self.gradients.x) + t * self.dim);
      if (!self.gradients.weight) continue;
      for (int64_t c = 0; c < ffn.choices; ++c) {
        const int64_t row = ffn.position[c * ffn.tokens + t];
        float total = 0;
        for (int64_t panel = 0; row >= 0 && panel < panels; ++panel)
          total += self.weightParts[panel * self.paddedRows + self.padded[row]];
        self.gradients.weight[t * ffn.choices + c] = total;
      }
    }
  }

  void run() {
    const int64_t E = this->ffn.experts, rows = this->ffn.rows(), all = this->paddedRows;
    const int64_t hiddenParts = parts(this->hidden, hiddenPanel), inputParts = parts(this->dim, inputPanel);
    const int64_t downParts = parts(this->hidden, columnChunk), upParts = parts(this->width, columnChunk);
    const std::size_t number = sizeof(int64_t), piece = sizeof(Piece), operand = sizeof(Operand);
    const std::size_t sizes[] = {(E + 1) * number,
                                 rows * number,
                                 all / 16 * piece,
                                 E * hiddenParts * piece,
                                 E * (inputParts + downParts + upParts) * piece,
                                 all * this->dimQ * operand,
                                 all * this->dimQ * operand,
                                 all * this->dimQ * operand,
                                 all * this->widthQ * operand,
                                 all * this->widthQ * operand,
                                 all * this->hiddenQ * operand,
                                 all * this->dimQ * sizeof(float),
                                 all * hiddenParts * sizeof(float)};
    std::size_t bytes = 0;
    for (const std::size_t size : sizes) bytes += Scratch::sizeOf(size);
    Scratch scratch(bytes);
    int next = 0;
    const auto take = [&] { return scratch.take(sizes[next++]); };
    this->placeRows(static_cast<int64_t*>(take()));
    padded = static_cast<int64_t*>(take());
    for (int64_t e = 0; e < E; ++e) {
      for (int64_t i = 0; i < this->rowsOf(e); ++i) padded[this->ffn.offset[e] + i] = this->padOffset[e] + i;
    }
    rowPieces = static_cast<Piece*>(take());
    hiddenPieces = static_cast<Piece*>(take());
    productPieces = static_cast<Piece*>(take());
    gradRows = static_cast<Operand*>(take());
    gradColumns = static_cast<Operand*>(take());
    inputs = static_cast<Operand*>(take());
    gradHidden = static_cast<Operand*>(take());
    gradHiddenColumns = static_cast<Operand*>(take());
    activated = static_cast<Operand*>(take());
    gradInputs = static_cast<float*>(take());
    weightParts = static_cast<float*>(take());

    inputItems = gradients.x ? this->listPanels(productPieces, inputParts, false) : 0;
    downItems = gradients.down ? this->listPanels(productPieces + inputItems, downParts, true) : 0;
    upItems = gradients.up ? this->listPanels(productPieces + inputItems + downItems, upParts, true) : 0;
    const Phase phases[] = {
        {this->listRows(rowPieces), gatherRows},
        {this->listPanels(hiddenPieces, hiddenParts, false), hiddenUnits},
        {inputItems + downItems + upItems, products},
        {parts(this->ffn.tokens, tokenChunk), combine},
    };
    runPhases(phases, 4, this, this->ffn.threads);
  }
};
