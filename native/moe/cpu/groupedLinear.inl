// The passes of groupedLinear.h for one instruction set. Included inside its namespace. Operands lie as those of
// expertFfn.inl do: weights are the left one where they are read in rows, what is packed is the tokens.

template <class Storage, class Operand>
struct GroupedPlan {
  using Need = Layout<Operand>;
  const GroupedLinear& product;
  int64_t in, out;          // as stored
  int64_t inQ, outQ;        // sizes in working memory
  int64_t paddedRows = 0;
  int64_t* padOffset;       // [E + 1]

  explicit GroupedPlan(const GroupedLinear& product)
      : product(product), in(product.inputs), out(product.outputs), inQ(roundUp(in, 32)), outQ(roundUp(out, 32)) {
    for (int64_t e = 0; e < product.experts; ++e) paddedRows += roundUp(product.length[e], Need::side);
  }

  void placeRows(int64_t* to) {
    padOffset = to;
    to[0] = 0;
    for (int64_t e = 0; e < product.experts; ++e) to[e + 1] = to[e] + roundUp(product.length[e], Need::side);
  }

  int64_t rowsOf(int64_t e) const { return product.length[e]; }
  int64_t paddedRowsOf(int64_t e) const { return padOffset[e + 1] - padOffset[e]; }
  const Storage* weightOf(int64_t e) const { return static_cast<const Storage*>(product.weight) + e * out * in; }

  /// The sixteen rows from `first` of an expert, null behind its end.
  void rowsFrom(const void* matrix, int64_t columns, int64_t e, int64_t first, const Storage* to[16]) const {
    for (int64_t i = 0; i < 16; ++i) {
      const bool exists = first + i < rowsOf(e);
      to[i] = exists ? static_cast<const Storage*>(matrix) + (product.start[e] + first + i) * columns : nullptr;
    }
  }

  int64_t listRows(Piece* to) const {
    int64_t n = 0;
    for (int64_t e = 0; e < product.experts; ++e) {
      for (int64_t i = 0; i < paddedRowsOf(e) / 16; ++i) to[n++] = {int32_t(e), int32_t(i)};
    }
    return n;
  }

  int64_t listPanels(Piece* to, int64_t pieces, bool empty) const {
    int64_t n = 0;
    for (int64_t e = 0; e < product.experts; ++e) {
      if (rowsOf(e) == 0 && !empty) continue;
      for (int64_t i = 0; i < pieces; ++i) to[n++] = {int32_t(e), int32_t(i)};
    }
    return n;
  }
};

template <class Storage, class Operand>
struct GroupedForward : GroupedPlan<Storage, Operand> {
  using Base = GroupedPlan<Storage, Operand>;
  using Base::Base;
  Piece *rowPieces, *outputPieces;
  Operand* inputs;  // of each expert B [in, padded rows]
  void* to;

  Columns<Operand> inputShape(int64_t e) const { return {this->in, this->paddedRowsOf(e) / 16}; }
  Operand* inputsOf(int64_t e) const { return inputs + this->padOffset[e] * Columns<Operand>::paddedP(this->in); }

  static void pack(const void* context, int64_t item) {
    const auto& self = *static_cast<const GroupedForward*>(context);
    const auto [e, block] = self.rowPieces[item];
    const Storage* rows[16];
    self.rowsFrom(self.product.x, self.in, e, block * 16, rows);
    packRowsAsColumns(rows, self.in, self.inputShape(e), block, self.inputsOf(e));
  }

  static void multiply(const void* context, int64_t item) {
    const auto& self = *static_cast<const GroupedForward*>(context);
    const auto [e, panel] = self.outputPieces[item];
    [[maybe_unused]] const Registers<Operand> registers;
    constexpr int64_t step = outputRows / 2;
    const int64_t first = panel * step, units = least(step, self.out - first);
    const auto shape = self.inputShape(e);
    const int64_t chunk = blocksAtOnce(shape.blocks), ld = chunk * 16 + gap;
    const auto buffer =
        static_cast<float*>(threadBuffer(step * ld * sizeof(float) + storedRoom<Operand> * sizeof(Operand)));
    const auto room = reinterpret_cast<Operand*>(buffer + step * ld);
    for (int64_t block = 0; block < shape.blocks; block += chunk) {
      const int64_t blocks = least(chunk, shape.blocks - block);
      multiplyStored(self.weightOf(e) + first * self.in, self.in, units, self.in, self.inputsOf(e), shape, block, blocks,
                     buffer, ld, room, static_cast<const Storage*>(nullptr));
      for (int64_t j = 0; j < blocks; ++j) {
        const int64_t row = (block + j) * 16, count = least(16, self.rowsOf(e) - row);
        Storage* const to = static_cast<Storage*>(self.to) + (self.Base::product.start[e] + row) * self.out + first;
        for (int64_t i = 0; i < units; i += 16) {
          Floats tile[16];
          for (int64_t k = 0; k < 16; ++k) tile[k] = i + k < units ? load(buffer + (i + k) * ld + j * 16) : Floats{};
          transpose(tile);
          for (int64_t k = 0; k < count; ++k) storeFirst(to + k * self.out + i, tile[k], units - i);
        }
      }
    }
  }

  void run() {
    const int64_t E = Base::product.experts, outputParts = parts(this->out, outputRows / 2), rowParts = this->paddedRows / 16;
    const std::size_t offsets = (E + 1) * sizeof(int64_t), rowBytes = rowParts * sizeof(Piece),
                      panelBytes = E * outputParts * sizeof(Piece),
                      inputBytes = this->paddedRows * Columns<Operand>::paddedP(this->in) * sizeof(Operand);
    Scratch scratch(Scratch::sizeOf(offsets) + Scratch::sizeOf(rowBytes) + Scratch::sizeOf(panelBytes) +
                    Scratch::sizeOf(inputBytes));
    this->placeRows(static_cast<int64_t*>(scratch.take(offsets)));
    rowPieces = static_cast<Piece*>(scratch.take(rowBytes));
    outputPieces = static_cast<Piece*>(scratch.take(panelBytes));
    inputs = static_cast<Operand*>(scratch.take(inputBytes));
    const Phase phases[] = {{this->listRows(rowPieces), pack},
                            {this->listPanels(outputPieces, outputParts, false), multiply}};
    runPhases(phases, 2, this, Base::product.threads, true);
  }
};

/// dx = grad · weight,   dweight = Σ_rows grad ⊗ x
template <class Storage, class Operand>
struct GroupedBackward : GroupedPlan<Storage, Operand> {
  using Base = GroupedPlan<Storage, Operand>;
  using Base::Base;
  const void* grad;
  Storage *gradX, *gradWeight;
  Piece *rowPieces, *productPieces;
  int64_t inputItems;
  Operand* gradRows;     // of each expert A [padded rows, outQ]
  Operand* gradColumns;  // A [outQ, padded rows]
  Operand* inputs;       // B [padded rows, inQ]

  Columns<Operand> inputShape(int64_t e) const { return {this->paddedRowsOf(e), this->inQ / 16}; }

  static void pack(const void* context, int64_t item) {
    const auto& self = *static_cast<const GroupedBackward*>(context);
    const auto [e, block] = self.rowPieces[item];
    const int64_t start = self.padOffset[e], rowsP = self.paddedRowsOf(e), first = block * 16;
    const Storage *inputs[16], *grads[16];
    self.rowsFrom(self.product.x, self.in, e, first, inputs);
    self.rowsFrom(self.grad, self.out, e, first, grads);
    for (int64_t j = 0; j < self.outQ; j += 2 * lanes) {
      Floats tiles[2][16];
      for (int64_t half = 0; half < 2; ++half) {
        const int64_t column = j + half * lanes, columns = self.out - column;
        for (int64_t i = 0; i < 16; ++i)
          tiles[half][i] = grads[i] && columns > 0 ? loadFirst(grads[i] + column, columns) : Floats{};
      }
      if (self.gradX) {
        for (int64_t i = 0; i < 16; ++i)
          putRow(self.gradRows + start * self.outQ, self.outQ, first + i, j, tiles[0][i], tiles[1][i]);
      }
      if (self.gradWeight) putColumns(tiles, self.gradColumns + start * self.outQ, rowsP, j, first);
    }
    if (!self.gradWeight) return;
    const auto shape = self.inputShape(e);
    for (int64_t j = 0; j < self.inQ; j += lanes) {
      Operand* const to = self.inputs + start * self.inQ + shape.place(first, j / lanes);
      const bool inside = j < self.in;
      for (int64_t i = 0; i < 16; i += 2) {
        packPair(inside && inputs[i] ? inputs[i] + j : nullptr, inside && inputs[i + 1] ? inputs[i + 1] + j : nullptr,
                 self.in - j, to, first % Base::Need::stretch + i);
      }
    }
  }

  static void products(const void* context, int64_t item) {
    const auto& self = *static_cast<const GroupedBackward*>(context);
    const auto [e, panel] = self.productPieces[item];
    [[maybe_unused]] const Registers<Operand> registers;
    if (item < self.inputItems) self.inputGradient(e, panel);
    else self.weightGradient(e, panel);
  }

  void inputGradient(int64_t e, int64_t panel) const {
    const int64_t first = panel * inputPanel, columns = least(inputPanel, this->in - first);
    const int64_t start = this->padOffset[e], rowsP = this->paddedRowsOf(e);
    constexpr int64_t stretch = Base::Need::stretch, rowsAtOnce = 512, ld = inputPanel + gap;
    const auto sums =
        static_cast<float*>(threadBuffer(rowsAtOnce * ld * sizeof(float) + stretch * inputPanel * sizeof(Operand)));
    const auto weights = reinterpret_cast<Operand*>(sums + rowsAtOnce * ld);
    for (int64_t row = 0; row < rowsP; row += rowsAtOnce) {
      for (int64_t p = 0; p < this->out; p += stretch) {
        const int64_t length = least(stretch, this->out - p);
        packMatrix(this->weightOf(e) + p * this->in + first, this->in, length, columns, weights);
        multiplyStretch(gradRows + start * this->outQ, this->outQ, row, least(rowsAtOnce, rowsP - row), p,
                        roundUp(length, Base::Need::summed), weights, Columns<Operand>::paddedP(length) * lanes,
                        parts(columns, 16), sums, ld, p > 0, static_cast<const Operand*>(nullptr));
      }
      for (int64_t i = 0; i < least(rowsAtOnce, this->rowsOf(e) - row); ++i) {
        Storage* const to = gradX + (Base::product.start[e] + row + i) * this->in + first;
        for (int64_t j = 0; j < columns; j += lanes) storeFirst(to + j, load(sums + i * ld + j), columns - j);
      }
    }
  }

  void weightGradient(int64_t e, int64_t panel) const {
    const int64_t first = panel * gradPanel, columns = least(gradPanel, this->in - first);
    const int64_t start = this->padOffset[e];
    outerProduct(gradColumns + start * this->outQ, this->paddedRowsOf(e), 0, this->out, inputs + start * this->inQ,
                 inputShape(e), first, columns, gradWeight + e * this->out * this->in, this->in);
  }

  void run() {
    const int64_t E = Base::product.experts, all = this->paddedRows;
    const int64_t inputParts = parts(this->in, inputPanel), weightParts = parts(this->in, gradPanel);
    const std::size_t operand = sizeof(Operand);
    const std::size_t sizes[] = {(E + 1) * sizeof(int64_t),
                                 all / 16 * sizeof(Piece),
                                 E * (inputParts + weightParts) * sizeof(Piece),
                                 gradX ? all * this->outQ * operand : 0,
                                 gradWeight ? all * this->outQ * operand : 0,
                                 gradWeight ? all * this->inQ * operand : 0};
    std::size_t bytes = 0;
    for (const std::size_t size : sizes) bytes += Scratch::sizeOf(size);
    Scratch scratch(bytes);
    int next = 0;
    const auto take = [&] { return scratch.take(sizes[next++]); };
    this->placeRows(static_cast<int64_t*>(take()));
    rowPieces = static_cast<Piece*>(take());
    productPieces = static_cast<Piece*>(take());
    gradRows = static_cast<Operand*>(take());
    gradColumns = static_cast<Operand*>(take());
    inputs = static_cast<Operand*>(take());
    inputItems = gradX ? this->listPanels(productPieces, inputParts, false) : 0;
    const int64_t weightItems = gradWeight ? this->listPanels(productPieces + inputItems, weightParts, true) : 0;
    const Phase phases[] = {{this->listRows(rowPieces), pack}, {inputItems + weightItems, products}};
    runPhases(phases, 2, this, Base::product.threads, true);
  }
};
