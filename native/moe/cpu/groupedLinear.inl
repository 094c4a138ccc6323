// The passes of groupedLinear.h for one instruction set. Included inside its namespace. Operands lie as those of
// expertFfn.inl do: weights are the left one where they are read in rows, what is packed is the tokens.

template <class Storage, class Operand>
struct GroupedPlan {
  using Need = Layout<Operand>;
  const GroupedLinear& product;
  int64_t in, out;          // as stored
  int64_t inP, outP;        // lengths of sums
  int64_t inQ, outQ;        // sizes in working memory
  int64_t paddedRows = 0;
  int64_t* padOffset;       // [E + 1]

  explicit GroupedPlan(const GroupedLinear& product)
      : product(product), in(product.inputs), out(product.outputs), inP(roundUp(in, Need::summed)),
        outP(roundUp(out, Need::summed)), inQ(roundUp(in, Need::side)), outQ(roundUp(out, Need::side)) {
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
  Operand* inputs;  // of each expert B [inP, padded rows]
  void* to;

  static void pack(const void* context, int64_t item) {
    const auto& self = *static_cast<const GroupedForward*>(context);
    const auto [e, block] = self.rowPieces[item];
    const Storage* rows[16];
    self.rowsFrom(self.product.x, self.in, e, block * 16, rows);
    packRowsAsColumns(rows, self.in, self.inputs + (self.padOffset[e] + block * 16) * self.inP);
  }

  static void multiply(const void* context, int64_t item) {
    const auto& self = *static_cast<const GroupedForward*>(context);
    const auto [e, panel] = self.outputPieces[item];
    [[maybe_unused]] const Registers<Operand> registers;
    const int64_t first = panel * outputRows, units = least(outputRows, self.out - first);
    const int64_t summed = self.inP, blocks = self.paddedRowsOf(e) / 16;
    const auto buffer =
        static_cast<float*>(threadBuffer(outputRows * (columnChunk * sizeof(float) + summed * sizeof(Operand))));
    const auto room = reinterpret_cast<Operand*>(buffer + outputRows * columnChunk);
    const auto rows = asRows(self.weightOf(e) + first * self.in, self.in, units, self.in, room);
    const Operand* inputs = self.inputs + self.padOffset[e] * self.inP;
    const int64_t atOnce = columnsAtOnce<Operand>(summed) / 16;
    for (int64_t block = 0; block < blocks; block += atOnce) {
      const int64_t chunk = least(atOnce, blocks - block);
      product<Source::memory, Into::nothing>(rows.data, rows.ld, roundUp(units, Base::Need::rowCount),
                                             inputs + block * summed * 16, summed, summed * 16, chunk, buffer,
                                             columnChunk);
      for (int64_t j = 0; j < chunk; ++j) {
        const int64_t row = (block + j) * 16, count = least(16, self.rowsOf(e) - row);
        Storage* const to = static_cast<Storage*>(self.to) + (self.Base::product.start[e] + row) * self.out + first;
        for (int64_t i = 0; i < units; i += 16) {
          Floats tile[16];
          for (int64_t k = 0; k < 16; ++k)
            tile[k] = i + k < units ? load(buffer + (i + k) * columnChunk + j * 16) : Floats{};
          transpose(tile);
          for (int64_t k = 0; k < count; ++k) storeFirst(to + k * self.out + i, tile[k], units - i);
        }
      }
    }
  }

  void run() {
    const int64_t E = Base::product.experts, outputParts = parts(this->out, outputRows), rowParts = this->paddedRows / 16;
    const std::size_t offsets = (E + 1) * sizeof(int64_t), rowBytes = rowParts * sizeof(Piece),
                      panelBytes = E * outputParts * sizeof(Piece),
                      inputBytes = this->paddedRows * this->inP * sizeof(Operand);
    Scratch scratch(Scratch::sizeOf(offsets) + Scratch::sizeOf(rowBytes) + Scratch::sizeOf(panelBytes) +
                    Scratch::sizeOf(inputBytes));
    this->placeRows(static_cast<int64_t*>(scratch.take(offsets)));
    rowPieces = static_cast<Piece*>(scratch.take(rowBytes));
    outputPieces = static_cast<Piece*>(scratch.take(panelBytes));
    inputs = static_cast<Operand*>(scratch.take(inputBytes));
    const Phase phases[] = {{this->listRows(rowPieces), pack},
                            {this->listPanels(outputPieces, outputParts, false), multiply}};
    runPhases(phases, 2, this, Base::product.threads);
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
  Operand* gradRows;     // A [padded rows, outQ]
  Operand* gradColumns;  // of each expert A [outQ, padded rows]
  Operand* inputs;       // of each expert B [padded rows, inQ]
  float* gradInputs;     // [padded rows, inQ]

  static void pack(const void* context, int64_t item) {
    const auto& self = *static_cast<const GroupedBackward*>(context);
    const auto [e, block] = self.rowPieces[item];
    const int64_t start = self.padOffset[e], rowsP = self.paddedRowsOf(e), first = block * 16;
    const Storage *inputs[16], *grads[16];
    self.rowsFrom(self.product.x, self.in, e, first, inputs);
    self.rowsFrom(self.grad, self.out, e, first, grads);
    for (int64_t j = 0; j < self.outQ; j += 16) {
      const int64_t columns = self.out - j;
      Floats tile[16];
      for (int64_t i = 0; i < 16; ++i) {
        tile[i] = grads[i] && columns > 0 ? loadFirst(grads[i] + j, columns) : Floats{};
        if (self.gradX) store(self.gradRows + (start + first + i) * self.outQ + j, tile[i]);
      }
      if (!self.gradWeight) continue;
      transpose(tile);
      for (int64_t k = 0; k < 16; ++k) store(self.gradColumns + start * self.outQ + (j + k) * rowsP + first, tile[k]);
    }
    if (!self.gradWeight) return;
    for (int64_t j = 0; j < self.inQ; j += 16) {
      Operand* const to = self.inputs + start * self.inQ + j * rowsP + first * 16;
      for (int64_t i = 0; i < 16; i += 2) {
        const bool inside = j < self.in;
        packPair(inside && inputs[i] ? inputs[i] + j : nullptr, inside && inputs[i + 1] ? inputs[i + 1] + j : nullptr,
                 self.in - j, to + i * 16);
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
    const auto weights =
        static_cast<Operand*>(threadBuffer(inputPanel / 16 * packedBlock(summedChunk) * sizeof(Operand)));
    for (int64_t p = 0; p < this->out; p += summedChunk) {
      const int64_t count = least(summedChunk, this->out - p), summed = roundUp(count, Base::Need::summed);
      packMatrix(this->weightOf(e) + p * this->in + first, this->in, count, summed, columns, weights);
      for (int64_t row = 0; row < rowsP; row += rowChunk) {
        const auto add = [&](auto product) {
          product(gradRows + (start + row) * this->outQ + p, this->outQ, least(rowChunk, rowsP - row), weights, summed,
                  packedBlock(summed), parts(columns, 16), gradInputs + (start + row) * this->inQ + first, this->inQ);
        };
        if (p == 0) add([](auto... size) { product<Source::cache, Into::nothing>(size...); });
        else add([](auto... size) { product<Source::cache, Into::sum>(size...); });
      }
    }
    for (int64_t row = 0; row < this->rowsOf(e); ++row) {
      const float* const from = gradInputs + (start + row) * this->inQ + first;
      Storage* const to = gradX + (Base::product.start[e] + row) * this->in + first;
      for (int64_t j = 0; j < columns; j += lanes) storeFirst(to + j, load(from + j), columns - j);
    }
  }

  void weightGradient(int64_t e, int64_t panel) const {
    const int64_t first = panel * columnChunk, columns = least(columnChunk, this->in - first);
    const int64_t start = this->padOffset[e], rowsP = this->paddedRowsOf(e);
    Storage* const to = gradWeight + e * this->out * this->in + first;
    constexpr int64_t atOnce = 32;
    const auto buffer = static_cast<float*>(threadBuffer(atOnce * columnChunk * sizeof(float)));
    for (int64_t i = 0; i < this->out; i += atOnce) {
      const int64_t count = least(atOnce, this->out - i);
      if (rowsP > 0) {
        product<Source::cache, Into::nothing>(gradColumns + start * this->outQ + i * rowsP, rowsP,
                                              roundUp(count, Base::Need::rowCount),
                                              inputs + start * this->inQ + first * rowsP, rowsP, rowsP * 16,
                                              parts(columns, 16), buffer, columnChunk);
      }
      for (int64_t k = 0; k < count; ++k) {
        Storage* const row = to + (i + k) * this->in;
        if (rowsP == 0) {
          __builtin_memset(row, 0, columns * sizeof(Storage));
          continue;
        }
        const float* const from = buffer + k * columnChunk;
        int64_t j = 0;
        for (; j + 2 * lanes <= columns; j += 2 * lanes) storePast(row + j, load(from + j), load(from + j + lanes));
        for (; j < columns; j += lanes) storeFirst(row + j, load(from + j), columns - j);
      }
    }
  }

  void run() {
    const int64_t E = Base::product.experts, all = this->paddedRows;
    const int64_t inputParts = parts(this->in, inputPanel), weightParts = parts(this->in, columnChunk);
    const std::size_t operand = sizeof(Operand);
    const std::size_t sizes[] = {(E + 1) * sizeof(int64_t),
                                 all / 16 * sizeof(Piece),
                                 E * (inputParts + weightParts) * sizeof(Piece),
                                 gradX ? all * this->outQ * operand : 0,
                                 gradX ? all * this->inQ * sizeof(float) : 0,
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
    gradInputs = static_cast<float*>(take());
    gradColumns = static_cast<Operand*>(take());
    inputs = static_cast<Operand*>(take());
    inputItems = gradX ? this->listPanels(productPieces, inputParts, false) : 0;
    const int64_t weightItems = gradWeight ? this->listPanels(productPieces + inputItems, weightParts, true) : 0;
    const Phase phases[] = {{this->listRows(rowPieces), pack}, {inputItems + weightItems, products}};
    runPhases(phases, 2, this, Base::product.threads);
  }
};
