// The backward pass of expertFfn.inl. With h = activation(up · x), all for one row of weight w and gradient g of its token:
//
//   dh = downᵀ · g,   dweight = dh · h,   dz = w · dh ∘ activation'(z),   dx = upᵀ · dz
//   ddown = Σ_rows g ⊗ (w h),   dup = Σ_rows dz ⊗ x
//
// so that the answers of the experts are not needed again.
//
// Experts are taken in waves, as many as working memory for them should have room for: what a wave computes is read while
// it is still near, and a layer with many rows needs no more memory than one with few.

/// Which of the backward pass's products, and which part of it.
struct ProductPiece {
  enum Kind : int32_t { input, down, up } kind;
  int32_t expert, index;
};

template <class Storage, class Operand>
struct Backward : Plan<Storage, Operand> {
  using Base = Plan<Storage, Operand>;
  using Base::Base;
  /// Hidden units of an item.
  static constexpr int64_t hiddenPanel = sizeof(Operand) > sizeof(float) ? 128 : 256;
  static constexpr int64_t ldHidden = hiddenPanel + gap;
  static constexpr int64_t ldInput = inputPanel + gap;

  const void* gradOut;
  const Storage* preactivation;
  ExpertFfnGradients gradients;
  Piece *rowPieces, *hiddenPieces;
  ProductPiece* productPieces;
  int64_t* place;          // [E] padded row where an expert begins in the working memory of its wave
  int64_t* padded;         // [rows] padded row of each row
  Operand* gradRows;       // of each expert A [padded rows, dimQ]: g
  Operand* gradColumns;    // A [dimQ, padded rows]: gᵀ
  Operand* inputs;         // B [padded rows, dimQ]: x
  Operand* gradHidden;     // A [padded rows, widthQ]: dz
  Operand* gradHiddenColumns;  // A [widthQ, padded rows]: dzᵀ
  Operand* activated;      // B [padded rows, hiddenQ]: w h
  float* gradInputs;       // [padded rows, dimQ]: dx
  float* weightParts;      // [hidden panels, padded rows]

  Columns<Operand> inputShape(int64_t e) const { return {this->paddedRowsOf(e), this->dimQ / 16}; }
  Columns<Operand> activatedShape(int64_t e) const { return {this->paddedRowsOf(e), this->hiddenQ / 16}; }

  static void gatherRows(const void* context, int64_t item) {
    const auto& self = *static_cast<const Backward*>(context);
    const auto [e, block] = self.rowPieces[item];
    const int64_t start = self.place[e] * self.dimQ, rowsP = self.paddedRowsOf(e), first = block * 16;
    const auto shape = self.inputShape(e);
    const Storage *inputs[16], *grads[16];
    self.gather(self.ffn.x, e, first, inputs);
    self.gather(self.gradOut, e, first, grads);
    for (int64_t j = 0; j < self.dimQ; j += 2 * lanes) {
      Floats tiles[2][16];
      for (int64_t half = 0; half < 2; ++half) {
        const int64_t column = j + half * lanes, columns = self.dim - column;
        for (int64_t i = 0; i < 16; ++i)
          tiles[half][i] = grads[i] && columns > 0 ? loadFirst(grads[i] + column, columns) : Floats{};
        Operand* to = self.inputs + start + shape.place(first, column / 16);
        for (int64_t i = 0; i < 16; i += 2) {
          const bool inside = columns > 0;
          packPair(inside && inputs[i] ? inputs[i] + column : nullptr,
                   inside && inputs[i + 1] ? inputs[i + 1] + column : nullptr, columns, to,
                   first % Layout<Operand>::stretch + i);
        }
      }
      for (int64_t i = 0; i < 16; ++i)
        putRow(self.gradRows + start, self.dimQ, first + i, j, tiles[0][i], tiles[1][i]);
      putColumns(tiles, self.gradColumns + start, rowsP, j, first);
    }
  }

  /// From g to dz for some hidden units of all rows of an expert.
  static void hiddenUnits(const void* context, int64_t item) {
    const auto& self = *static_cast<const Backward*>(context);
    const auto [e, panel] = self.hiddenPieces[item];
    [[maybe_unused]] const Registers<Operand> registers;
    const int64_t first = panel * hiddenPanel, units = least(hiddenPanel, self.hidden - first);
    const int64_t rowsP = self.paddedRowsOf(e);
    const Columns<Operand> shape{self.dim, parts(units, 16)};
    const auto buffer =
        static_cast<float*>(threadBuffer(rowChunk * ldHidden * sizeof(float) + shape.elements() * sizeof(Operand)));
    const auto weights = reinterpret_cast<Operand*>(buffer + rowChunk * ldHidden);
    for (int64_t p = 0; p < self.dim; p += Base::Need::stretch)
      packMatrix(self.down(e) + p * self.hidden + first, self.hidden, least(Base::Need::stretch, self.dim - p), units,
                 weights + shape.place(p, 0));
    for (int64_t row = 0; row < rowsP; row += rowChunk) {
      const int64_t rows = least(rowChunk, rowsP - row);
      multiplyPrepared(self.gradRows + self.place[e] * self.dimQ, self.dimQ, row, rows, self.dim, weights, shape, 0,
                       shape.blocks, buffer, ldHidden, row + rows < rowsP);
      for (int64_t i = 0; i < rows; i += 16) self.activate(e, panel, row + i, first, units, buffer + i * ldHidden);
    }
  }

  /// Sixteen rows: `grads` [16, ldHidden] is dh.
  void activate(int64_t e, int64_t panel, int64_t row, int64_t first, int64_t units, const float* grads) const {
    const int64_t count = this->rowsOf(e) - row;
    const auto shape = activatedShape(e);
    const bool gated = this->gated();
    Floats weightSums[16] = {};
    float weights[16] = {};
    for (int64_t i = 0; i < least(16, count); ++i) weights[i] = this->weightOf(this->ffn.offset[e] + row + i);
    constexpr int64_t atOnce = ExpertFfn::preactivationBlock;
    for (int64_t j = 0; j < units; j += atOnce) {
      const int64_t unit = first + j, columns = units - j;
      const Storage* gates = preactivation + this->preactivationAt(e, row, unit);
      const Storage* ups = gated ? preactivation + this->preactivationAt(e, row, this->upColumn() + unit) : nullptr;
      Floats gate[2][16] = {}, up[2][16] = {};
      for (int64_t half = 0; half < 2 && half * lanes < columns; ++half) {
        Floats hidden[16];
        for (int64_t i = 0; i < 16; ++i) {
          if (i >= count) {
            hidden[i] = Floats{};
            continue;
          }
          const int64_t at = i * atOnce + half * lanes;
          const Floats a = load(gates + at), dh = load(grads + i * ldHidden + j + half * lanes);
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
        Operand* to = activated + place[e] * this->hiddenQ + shape.place(row, unit / 16 + half);
        for (int64_t i = 0; i < 16; i += 2)
          putPair(to, row % Base::Need::stretch + i, hidden[i], hidden[i + 1]);
      }
      put(gate, e, row, unit);
      if (gated) put(up, e, row, this->hiddenQ + unit);
    }
    float* sums = weightParts + panel * this->paddedRows + this->padOffset[e] + row;
    for (int64_t i = 0; i < 16; ++i) sums[i] = sum(weightSums[i]);
  }

  /// Sixteen rows and 32 columns of dz, as rows and as columns.
  void put(Floats tiles[2][16], int64_t e, int64_t row, int64_t column) const {
    const int64_t start = place[e] * this->widthQ;
    for (int64_t i = 0; i < 16; ++i)
      putRow(gradHidden + start, this->widthQ, row + i, column, tiles[0][i], tiles[1][i]);
    putColumns(tiles, gradHiddenColumns + start, this->paddedRowsOf(e), column, row);
  }

  static void products(const void* context, int64_t item) {
    const auto& self = *static_cast<const Backward*>(context);
    const auto [kind, e, index] = self.productPieces[item];
    [[maybe_unused]] const Registers<Operand> registers;
    if (kind == ProductPiece::input) self.inputGradient(e, index);
    else if (kind == ProductPiece::down) self.downGradient(e, index);
    else self.upGradient(e, index);
  }

  int64_t halves() const { return this->gated() ? 2 : 1; }

  void inputGradient(int64_t e, int64_t panel) const {
    const int64_t first = panel * inputPanel, columns = least(inputPanel, this->dim - first);
    const int64_t rowsP = this->paddedRowsOf(e), blocks = parts(columns, 16);
    constexpr int64_t stretch = Base::Need::stretch, rowsAtOnce = 512;
    const auto sums = static_cast<float*>(
        threadBuffer(rowsAtOnce * ldInput * sizeof(float) + stretch * inputPanel * sizeof(Operand)));
    const auto weights = reinterpret_cast<Operand*>(sums + rowsAtOnce * ldInput);
    for (int64_t row = 0; row < rowsP; row += rowsAtOnce) {
      const int64_t rows = least(rowsAtOnce, rowsP - row);
      for (int64_t half = 0; half < halves(); ++half) {
        for (int64_t p = 0; p < this->hidden; p += stretch) {
          const int64_t length = least(stretch, this->hidden - p);
          packMatrix(this->up(e) + (half * this->hidden + p) * this->dim + first, this->dim, length, columns, weights);
          multiplyStretch(gradHidden + place[e] * this->widthQ, this->widthQ, row, rows, half * this->hiddenQ + p,
                          roundUp(length, Base::Need::summed), weights, Columns<Operand>::paddedP(length) * lanes, blocks,
                          sums, ldInput, half > 0 || p > 0, static_cast<const Operand*>(nullptr));
        }
      }
      for (int64_t i = 0; i < rows; ++i)
        __builtin_memcpy(gradInputs + (this->padOffset[e] + row + i) * this->dimQ + first, sums + i * ldInput,
                         blocks * lanes * sizeof(float));
    }
  }

  void downGradient(int64_t e, int64_t panel) const {
    const int64_t first = panel * gradPanel;
    outerProduct(gradColumns + place[e] * this->dimQ, this->paddedRowsOf(e), 0, this->dim, activated + place[e] * this->hiddenQ,
                 activatedShape(e), first, least(gradPanel, this->hidden - first),
                 static_cast<Storage*>(gradients.down) + e * this->dim * this->hidden, this->hidden);
  }

  void upGradient(int64_t e, int64_t index) const {
    const int64_t panels = parts(this->hidden, gradPanel), half = index / panels, first = index % panels * gradPanel;
    const int64_t rows = least(gradPanel, this->hidden - first);
    for (int64_t column = 0; column < this->dim; column += gradPanel) {
      outerProduct(gradHiddenColumns + place[e] * this->widthQ, this->paddedRowsOf(e), half * this->hiddenQ + first, rows,
                   inputs + place[e] * this->dimQ, inputShape(e), column, least(gradPanel, this->dim - column),
                   static_cast<Storage*>(gradients.up) + (e * this->width + half * this->hidden + first) * this->dim,
                   this->dim);
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

  /// Bytes of working memory that a padded row takes during its wave.
  int64_t bytesOfRow() const { return (3 * this->dimQ + 2 * this->widthQ + this->hiddenQ) * sizeof(Operand); }

  void run() {
    const int64_t E = this->ffn.experts, rows = this->ffn.rows(), all = this->paddedRows;
    const int64_t hiddenParts = parts(this->hidden, hiddenPanel), inputParts = parts(this->dim, inputPanel);
    const int64_t downParts = parts(this->hidden, gradPanel), upParts = halves() * downParts;
    const Waves waves = planWaves(nullptr, nullptr);

    const std::size_t number = sizeof(int64_t), piece = sizeof(Piece), operand = sizeof(Operand);
    const std::size_t sizes[] = {(E + 1) * number,
                                 E * number,
                                 waves.count * number,
                                 rows * number,
                                 all / 16 * piece,
                                 E * hiddenParts * piece,
                                 E * (inputParts + downParts + upParts) * sizeof(ProductPiece),
                                 (3 * waves.count + 1) * sizeof(Phase),
                                 waves.rows * this->dimQ * operand,
                                 waves.rows * this->dimQ * operand,
                                 waves.rows * this->dimQ * operand,
                                 waves.rows * this->widthQ * operand,
                                 waves.rows * this->widthQ * operand,
                                 waves.rows * this->hiddenQ * operand,
                                 all * this->dimQ * sizeof(float),
                                 all * hiddenParts * sizeof(float)};
    std::size_t bytes = 0;
    for (const std::size_t size : sizes) bytes += Scratch::sizeOf(size);
    Scratch scratch(bytes);
    int next = 0;
    const auto take = [&] { return scratch.take(sizes[next++]); };
    this->placeRows(static_cast<int64_t*>(take()));
    place = static_cast<int64_t*>(take());
    const auto ends = static_cast<int64_t*>(take());
    planWaves(place, ends);
    padded = static_cast<int64_t*>(take());
    for (int64_t e = 0; e < E; ++e) {
      for (int64_t i = 0; i < this->rowsOf(e); ++i) padded[this->ffn.offset[e] + i] = this->padOffset[e] + i;
    }
    rowPieces = static_cast<Piece*>(take());
    hiddenPieces = static_cast<Piece*>(take());
    productPieces = static_cast<ProductPiece*>(take());
    const auto phases = static_cast<Phase*>(take());
    gradRows = static_cast<Operand*>(take());
    gradColumns = static_cast<Operand*>(take());
    inputs = static_cast<Operand*>(take());
    gradHidden = static_cast<Operand*>(take());
    gradHiddenColumns = static_cast<Operand*>(take());
    activated = static_cast<Operand*>(take());
    gradInputs = static_cast<float*>(take());
    weightParts = static_cast<float*>(take());

    this->listRows(rowPieces);
    this->listPanels(hiddenPieces, hiddenParts, false);
    int64_t firstRows = 0, firstHidden = 0, firstProduct = 0, end = 0;
    int count = 0;
    for (int64_t wave = 0, e = 0; wave < waves.count; ++wave) {
      int64_t occupied = 0;
      for (; e < ends[wave]; ++e) {
        if (this->rowsOf(e) > 0) occupied += hiddenParts;
        end = listProducts(e, gradients.x && this->rowsOf(e) > 0 ? inputParts : 0, gradients.down ? downParts : 0,
                           gradients.up ? upParts : 0, end);
      }
      const int64_t rowParts = this->padOffset[e] / 16 - firstRows;
      phases[count++] = {rowParts, gatherRows, firstRows};
      phases[count++] = {occupied, hiddenUnits, firstHidden};
      phases[count++] = {end - firstProduct, products, firstProduct};
      firstRows += rowParts;
      firstHidden += occupied;
      firstProduct = end;
    }
    phases[count++] = {parts(this->ffn.tokens, tokenChunk), combine, 0};
    runPhases(phases, count, this, this->ffn.threads, true);
  }

  struct Waves {
    int64_t count, rows;  // padded rows of the largest
  };

  /// Where each expert begins in the memory of its wave, and the expert behind each wave's last; null for the sizes alone.
  Waves planWaves(int64_t* place, int64_t* ends) const {
    constexpr int64_t budget = int64_t{64} << 20;
    const int64_t room = most(1, budget / bytesOfRow());
    Waves waves{0, 0};
    int64_t taken = 0;
    const auto end = [&](int64_t e) {
      if (ends) ends[waves.count] = e;
      ++waves.count;
      waves.rows = most(waves.rows, taken);
      taken = 0;
    };
    for (int64_t e = 0; e < this->ffn.experts; ++e) {
      const int64_t rows = roundUp(this->rowsOf(e), Base::Need::side);
      if (taken > 0 && taken + rows > room) end(e);
      if (place) place[e] = taken;
      taken += rows;
    }
    end(this->ffn.experts);
    return waves;
  }

  int64_t listProducts(int64_t e, int64_t inputParts, int64_t downParts, int64_t upParts, int64_t at) const {
    const auto list = [&](ProductPiece::Kind kind, int64_t pieces) {
      for (int64_t i = 0; i < pieces; ++i) productPieces[at++] = {kind, int32_t(e), int32_t(i)};
    };
    list(ProductPiece::input, inputParts);
    list(ProductPiece::down, downParts);
    list(ProductPiece::up, upParts);
    return at;
  }
};
