// The passes of expertFfn.h for one instruction set. Included inside its namespace; needs no more of the library than
// what is declared in the headers, since what is compiled here must not be shared with code for lesser processors.

/// One piece of an expert's work; the items of a phase.
struct Piece {
  int32_t expert, index;
};

constexpr int64_t unitBlock = ExpertFfn::preactivationBlock;  // hidden units activated at once
constexpr int64_t hiddenRows = 128;   // hidden units of a forward item
constexpr int64_t outputRows = 256;   // rows of down of a forward item, at most
constexpr int64_t columnBlocks = 40;   // blocks of columns of C computed at once, at most
constexpr int64_t inputPanel = 256;   // columns of dim of a backward item
constexpr int64_t gradPanel = 256;    // columns or rows of a weight gradient of a backward item
constexpr int64_t rowChunk = 64;      // rows of an expert whose hidden units are computed at once in the backward pass
constexpr int64_t tokenChunk = 32;

/// Sizes and places that both passes share. "Padded" rows of an expert begin at a multiple of Layout::side.
template <class Storage, class Operand>
struct Plan {
  using Need = Layout<Operand>;
  const ExpertFfn& ffn;
  int64_t dim, hidden, width;     // as stored
  int64_t dimQ, hiddenQ, widthQ;  // sizes in working memory, where the gate's and up's parts of width are padded each
  int64_t paddedRows;
  int64_t* padOffset;  // [E + 1]

  explicit Plan(const ExpertFfn& ffn)
      : ffn(ffn), dim(ffn.dim), hidden(ffn.hidden), width(ffn.width()), dimQ(roundUp(dim, 32)),
        hiddenQ(roundUp(hidden, 32)), widthQ(hiddenQ * (width / hidden)), paddedRows(0), padOffset(nullptr) {
    for (int64_t e = 0; e < ffn.experts; ++e) paddedRows += roundUp(rowsOf(e), Need::side);
  }

  void placeRows(int64_t* to) {
    padOffset = to;
    to[0] = 0;
    for (int64_t e = 0; e < ffn.experts; ++e) to[e + 1] = to[e] + roundUp(rowsOf(e), Need::side);
  }

  int64_t rowsOf(int64_t e) const { return ffn.offset[e + 1] - ffn.offset[e]; }
  int64_t paddedRowsOf(int64_t e) const { return padOffset[e + 1] - padOffset[e]; }
  int64_t tokenOf(int64_t row) const { return ffn.order[row] % ffn.tokens; }
  int64_t choiceOf(int64_t row) const { return ffn.order[row] / ffn.tokens; }
  float weightOf(int64_t row) const { return ffn.weight[tokenOf(row) * ffn.choices + choiceOf(row)]; }
  bool gated() const { return ffn.activation == FfnActivation::swiglu; }
  const Storage* up(int64_t e) const { return static_cast<const Storage*>(ffn.up) + e * width * dim; }
  const Storage* down(int64_t e) const { return static_cast<const Storage*>(ffn.down) + e * dim * hidden; }

  /// A row of a [T, dim] tensor for each of the sixteen rows from `first` of an expert, null behind its end.
  void gather(const void* tensor, int64_t e, int64_t first, const Storage* to[16]) const {
    for (int64_t i = 0; i < 16; ++i) {
      const bool exists = first + i < rowsOf(e);
      to[i] = exists ? static_cast<const Storage*>(tensor) + tokenOf(ffn.offset[e] + first + i) * dim : nullptr;
    }
  }

  /// Preactivations lie in blocks of columns, each written and read in one piece: of an expert's row and column (a
  /// multiple of the block's size; the values of up begin at `upColumn`).
  int64_t preactivationAt(int64_t e, int64_t row, int64_t column) const {
    const int64_t ld = ffn.preactivationColumns(), block = ExpertFfn::preactivationBlock;
    return ffn.offset[e] * ld + column * rowsOf(e) + row * block;
  }
  int64_t upColumn() const { return ffn.preactivationColumns() / 2; }

  /// Pieces for each sixteen padded rows of an expert.
  int64_t listRows(Piece* to) const {
    int64_t n = 0;
    for (int64_t e = 0; e < ffn.experts; ++e) {
      for (int64_t i = 0; i < paddedRowsOf(e) / 16; ++i) to[n++] = {int32_t(e), int32_t(i)};
    }
    return n;
  }

  /// The same pieces for each expert; those without rows only if `empty`.
  int64_t listPanels(Piece* to, int64_t pieces, bool empty) const {
    int64_t n = 0;
    for (int64_t e = 0; e < ffn.experts; ++e) {
      if (rowsOf(e) == 0 && !empty) continue;
      for (int64_t i = 0; i < pieces; ++i) to[n++] = {int32_t(e), int32_t(i)};
    }
    return n;
  }
};

/// Pairs of blocks, so many that no small rest is left.
inline int64_t blocksAtOnce(int64_t blocks) { return roundUp(parts(blocks, most(1, parts(blocks, columnBlocks))), 2); }

/// A thread holds the tile registers during an item that needs them.
template <class Operand>
struct Registers {};
#if defined(__AMX_BF16__)
template <>
struct Registers<Bf16> : Tiles {};
template <>
struct Registers<Bf16Parts> : Tiles {};
#endif

/// Σ over a token's rows of factor · row, rows in the order of its choices.
template <class Storage>
inline void combineRows(const ExpertFfn& ffn, int64_t t, const float* rows, const int64_t* place, int64_t ld,
                        bool weighted, Storage* to) {
  for (int64_t j = 0; j < ffn.dim; j += lanes) {
    Floats total = {};
    for (int64_t c = 0; c < ffn.choices; ++c) {
      const int64_t row = ffn.position[c * ffn.tokens + t];
      if (row < 0) continue;
      const Floats part = load(rows + place[row] * ld + j);
      total += weighted ? part * ffn.weight[t * ffn.choices + c] : part;
    }
    storeFirst(to + j, total, ffn.dim - j);
  }
}

template <class Storage, class Operand>
struct Forward : Plan<Storage, Operand> {
  using Base = Plan<Storage, Operand>;
  using Base::Base;
  Piece *rowPieces, *hiddenPieces, *outputPieces;
  Operand* inputs;      // of each expert B [dim, padded rows]
  Operand* activated;   // of each expert B [hidden, padded rows]
  float* answers;       // [rows, dimQ]
  int64_t* identity;    // [rows]
  int64_t outputParts, outputStep;
  void* out;
  Storage* preactivation;

  Columns<Operand> inputShape(int64_t e) const { return {this->dim, this->paddedRowsOf(e) / 16}; }
  Columns<Operand> activatedShape(int64_t e) const { return {this->hidden, this->paddedRowsOf(e) / 16}; }
  Operand* inputsOf(int64_t e) const { return inputs + this->padOffset[e] * this->dimQ; }
  Operand* activatedOf(int64_t e) const { return activated + this->padOffset[e] * this->hiddenQ; }

  /// Experts with few rows have them in the same places as float, [rows, dimQ] and [rows, hiddenQ].
  bool isFew(int64_t e) const { return this->rowsOf(e) <= fewRows; }
  float* fewInputsOf(int64_t e) const { return reinterpret_cast<float*>(inputsOf(e)); }
  float* fewActivatedOf(int64_t e) const { return reinterpret_cast<float*>(activatedOf(e)); }

  static void pack(const void* context, int64_t item) {
    const auto& self = *static_cast<const Forward*>(context);
    const auto [e, block] = self.rowPieces[item];
    const Storage* rows[16];
    self.gather(self.ffn.x, e, block * 16, rows);
    if (self.isFew(e)) {
      if (block > 0) return;
      for (int64_t i = 0; i < self.rowsOf(e); ++i) {
        for (int64_t j = 0; j < self.dimQ; j += lanes)
          store(self.fewInputsOf(e) + i * self.dimQ + j, j < self.dim ? loadFirst(rows[i] + j, self.dim - j) : Floats{});
      }
      return;
    }
    packRowsAsColumns(rows, self.dim, self.inputShape(e), block, self.inputsOf(e));
  }

  /// activation(up · x) for some hidden units of all rows of an expert.
  static void hiddenUnits(const void* context, int64_t item) {
    const auto& self = *static_cast<const Forward*>(context);
    const auto [e, panel] = self.hiddenPieces[item];
    if (self.isFew(e)) return self.fewHiddenUnits(e, panel);
    [[maybe_unused]] const Registers<Operand> registers;
    const int64_t first = panel * hiddenRows, until = least(first + hiddenRows, self.hidden);
    const auto shape = self.inputShape(e);
    const int64_t chunk = blocksAtOnce(shape.blocks), ld = chunk * 16 + gap;
    // All rows meet a stretch of B before the next one, unless all of B stays in the cache anyway.
    const bool cached = shape.p * chunk * 16 * int64_t(sizeof(Operand)) <= cachedBytes;
    const int64_t atOnce = cached ? unitBlock : hiddenRows;
    const auto gate = static_cast<float*>(
        threadBuffer(2 * atOnce * ld * sizeof(float) + storedRoom<Operand> * sizeof(Operand)));
    float* const up = gate + atOnce * ld;
    const auto room = reinterpret_cast<Operand*>(up + atOnce * ld);
    const Storage *gateRows = self.up(e), *upRows = self.up(e) + self.hidden * self.dim;
    for (int64_t block = 0; block < shape.blocks; block += chunk) {
      const int64_t blocks = least(chunk, shape.blocks - block);
      for (int64_t unit = first; unit < until; unit += atOnce) {
        const int64_t units = least(atOnce, until - unit);
        const auto multiply = [&](const Storage* rows, float* to, const Storage* after) {
          multiplyStored(rows + unit * self.dim, self.dim, units, self.dim, self.inputsOf(e), shape, block, blocks, to, ld,
                         room, after);
        };
        const Storage* next = unit + atOnce < until ? gateRows + (unit + atOnce) * self.dim : nullptr;
        multiply(gateRows, gate, self.gated() ? upRows + unit * self.dim : next);
        if (self.gated()) multiply(upRows, up, next);
        for (int64_t i = 0; i < units; i += unitBlock)
          self.activate(e, block, blocks, unit + i, least(unitBlock, units - i), gate + i * ld, up + i * ld, ld);
      }
    }
  }

  static Floats silu(Floats x) { return x * sigmoid(x); }
  static Floats gelu(Floats x) { return x * normalCdf(x); }

  /// Up to `unitBlock` hidden units from `first` of some sixteens of rows; `gate` and `up` are [units, ld].
  void activate(int64_t e, int64_t block, int64_t blocks, int64_t first, int64_t units, const float* gate,
                const float* up, int64_t ld) const {
    if (preactivation) {
      keep(e, block, blocks, first, units, gate, ld);
      if (this->gated()) keep(e, block, blocks, this->upColumn() + first, units, up, ld);
    }
    const auto shape = activatedShape(e);
    const int64_t until = first + units == this->hidden ? shape.p - first : units;
    const auto value = [&](int64_t i, int64_t column) {
      if (i >= units) return Floats{};
      const Floats z = load(gate + i * ld + column);
      return this->gated() ? silu(z) * load(up + i * ld + column) : gelu(z);
    };
    for (int64_t j = 0; j < blocks; ++j) {
      Operand* to = activatedOf(e) + shape.place(first, block + j);
      const int64_t begin = first % Layout<Operand>::stretch;
      for (int64_t i = 0; i < until; i += 2) putPair(to, begin + i, value(i, j * 16), value(i + 1, j * 16));
    }
  }

  /// Stores what `from` holds of some units and sixteens of rows.
  void keep(int64_t e, int64_t block, int64_t blocks, int64_t column, int64_t units, const float* from, int64_t ld) const {
    static_assert(unitBlock == 2 * lanes);
    for (int64_t j = 0; j < blocks; ++j) {
      const int64_t row = (block + j) * 16, rows = least(16, this->rowsOf(e) - row);
      Storage* to = preactivation + this->preactivationAt(e, row, column);
      Floats left[16], right[16];
      for (int64_t k = 0; k < 16; ++k) {
        left[k] = k < units ? load(from + k * ld + j * 16) : Floats{};
        right[k] = 16 + k < units ? load(from + (16 + k) * ld + j * 16) : Floats{};
      }
      transpose(left);
      transpose(right);
      for (int64_t k = 0; k < rows; ++k) storePast(to + k * unitBlock, left[k], right[k]);
    }
  }

  void fewHiddenUnits(int64_t e, int64_t panel) const {
    const int64_t until = least((panel + 1) * hiddenRows, this->hidden), rows = this->rowsOf(e);
    Floats gates[fewRows], ups[fewRows];
    for (int64_t unit = panel * hiddenRows; unit < roundUp(until, unitBlock); unit += lanes) {
      const int64_t units = most(0, least(lanes, until - unit));
      const auto multiply = [&](const Storage* weights, Floats* to) {
        multiplyFew(weights + unit * this->dim, this->dim, units, fewInputsOf(e), this->dimQ, rows, this->dim, to);
      };
      multiply(this->up(e), gates);
      if (this->gated()) multiply(this->up(e) + this->hidden * this->dim, ups);
      for (int64_t i = 0; i < rows; ++i) {
        if (preactivation) {
          const int64_t block = unit / unitBlock * unitBlock;
          store(preactivation + this->preactivationAt(e, i, block) + unit % unitBlock, gates[i]);
          if (this->gated())
            store(preactivation + this->preactivationAt(e, i, this->upColumn() + block) + unit % unitBlock, ups[i]);
        }
        store(fewActivatedOf(e) + i * this->hiddenQ + unit, this->gated() ? silu(gates[i]) * ups[i] : gelu(gates[i]));
      }
    }
  }

  void fewOutput(int64_t e, int64_t panel) const {
    const int64_t until = least((panel + 1) * outputStep, this->dim), rows = this->rowsOf(e);
    Floats answer[fewRows];
    for (int64_t unit = panel * outputStep; unit < until; unit += lanes) {
      multiplyFew(this->down(e) + unit * this->hidden, this->hidden, least(lanes, until - unit), fewActivatedOf(e),
                  this->hiddenQ, rows, this->hidden, answer);
      for (int64_t i = 0; i < rows; ++i) store(answers + (this->ffn.offset[e] + i) * this->dimQ + unit, answer[i]);
    }
  }

  /// down · activated for some output columns of all rows of an expert.
  static void output(const void* context, int64_t item) {
    const auto& self = *static_cast<const Forward*>(context);
    const auto [e, panel] = self.outputPieces[item];
    if (self.isFew(e)) return self.fewOutput(e, panel);
    [[maybe_unused]] const Registers<Operand> registers;
    const int64_t first = panel * self.outputStep, units = least(self.outputStep, self.dim - first);
    const auto shape = self.activatedShape(e);
    const int64_t chunk = blocksAtOnce(shape.blocks), ld = chunk * 16 + gap;
    const auto buffer = static_cast<float*>(
        threadBuffer(roundUp(units, rowGroup) * ld * sizeof(float) + storedRoom<Operand> * sizeof(Operand)));
    const auto room = reinterpret_cast<Operand*>(buffer + roundUp(units, rowGroup) * ld);
    for (int64_t block = 0; block < shape.blocks; block += chunk) {
      const int64_t blocks = least(chunk, shape.blocks - block);
      multiplyStored(self.down(e) + first * self.hidden, self.hidden, units, self.hidden, self.activatedOf(e), shape, block,
                     blocks, buffer, ld, room, static_cast<const Storage*>(nullptr));
      for (int64_t j = 0; j < blocks; ++j) {
        const int64_t row = (block + j) * 16, count = least(16, self.rowsOf(e) - row);
        float* to = self.answers + (self.ffn.offset[e] + row) * self.dimQ + first;
        for (int64_t i = 0; i < units; i += 16) {
          Floats tile[16];
          for (int64_t k = 0; k < 16; ++k) tile[k] = i + k < units ? load(buffer + (i + k) * ld + j * 16) : Floats{};
          transpose(tile);
          for (int64_t k = 0; k < count; ++k) store(to + k * self.dimQ + i, tile[k]);
        }
      }
    }
  }

  static void combine(const void* context, int64_t item) {
    const auto& self = *static_cast<const Forward*>(context);
    const int64_t last = least(self.ffn.tokens, (item + 1) * tokenChunk);
    for (int64_t t = item * tokenChunk; t < last; ++t)
      combineRows(self.ffn, t, self.answers, self.identity, self.dimQ, true,
                  static_cast<Storage*>(self.out) + t * self.dim);
  }

  void run() {
    const int64_t E = this->ffn.experts, rows = this->ffn.rows();
    const int64_t hiddenParts = parts(this->hidden, hiddenRows);
    // Many rows at once where what they are multiplied with comes again and again from beyond the second-level cache.
    const bool cached = this->hidden * columnBlocks * 16 * int64_t(sizeof(Operand)) <= cachedBytes;
    outputStep = cached || this->dim <= 2 * outputRows ? outputRows / 2 : outputRows;
    outputParts = parts(this->dim, outputStep);
    const int64_t rowParts = this->paddedRows / 16;
    const int64_t inputsSize = this->paddedRows * this->dimQ * sizeof(Operand);
    const int64_t activatedSize = this->paddedRows * this->hiddenQ * sizeof(Operand);
    Scratch scratch(Scratch::sizeOf((E + 1) * sizeof(int64_t)) + Scratch::sizeOf(rows * sizeof(int64_t)) +
                    Scratch::sizeOf(rowParts * sizeof(Piece)) + Scratch::sizeOf(E * hiddenParts * sizeof(Piece)) +
                    Scratch::sizeOf(E * outputParts * sizeof(Piece)) +
                    Scratch::sizeOf(inputsSize) + Scratch::sizeOf(activatedSize) +
                    Scratch::sizeOf(rows * this->dimQ * sizeof(float)));
    this->placeRows(static_cast<int64_t*>(scratch.take((E + 1) * sizeof(int64_t))));
    identity = static_cast<int64_t*>(scratch.take(rows * sizeof(int64_t)));
    for (int64_t i = 0; i < rows; ++i) identity[i] = i;
    rowPieces = static_cast<Piece*>(scratch.take(rowParts * sizeof(Piece)));
    hiddenPieces = static_cast<Piece*>(scratch.take(E * hiddenParts * sizeof(Piece)));
    outputPieces = static_cast<Piece*>(scratch.take(E * outputParts * sizeof(Piece)));
    inputs = static_cast<Operand*>(scratch.take(inputsSize));
    activated = static_cast<Operand*>(scratch.take(activatedSize));
    answers = static_cast<float*>(scratch.take(rows * this->dimQ * sizeof(float)));
    const Phase phases[] = {
        {this->listRows(rowPieces), pack},
        {this->listPanels(hiddenPieces, hiddenParts, false), hiddenUnits},
        {this->listPanels(outputPieces, outputParts, false), output},
        {parts(this->ffn.tokens, tokenChunk), combine},
    };
    runPhases(phases, out ? 4 : 2, this, this->ffn.threads, true);
  }
};
