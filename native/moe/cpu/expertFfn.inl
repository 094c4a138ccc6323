// The passes of expertFfn.h for one instruction set. Included inside its namespace; needs no more of the library than
// what is declared in the headers, since what is compiled here must not be shared with code for lesser processors.

/// One piece of an expert's work; the items of a phase.
struct Piece {
  int32_t expert, index;
};

constexpr int64_t hiddenRows = 32;   // rows of up for which a forward item computes
constexpr int64_t outputRows = 32;   // rows of down
constexpr int64_t columnChunk = 256; // columns of C computed at once
constexpr int64_t hiddenPanel = 128; // hidden units of a backward item
constexpr int64_t inputPanel = 256;  // columns of dim of a backward item
constexpr int64_t rowChunk = 64;     // rows of an expert computed at once
constexpr int64_t summedChunk = 512; // rows of up packed at once
constexpr int64_t tokenChunk = 32;

/// Sizes and places that both passes share. "Padded" rows of an expert begin at a multiple of Layout::side.
template <class Storage, class Operand>
struct Plan {
  using Need = Layout<Operand>;
  const ExpertFfn& ffn;
  int64_t dim, hidden, width;     // as stored
  int64_t dimP, hiddenP, widthP;  // lengths of sums
  int64_t dimQ, hiddenQ, widthQ;  // sizes in working memory
  int64_t paddedRows;
  int64_t* padOffset;  // [E + 1]

  explicit Plan(const ExpertFfn& ffn)
      : ffn(ffn), dim(ffn.dim), hidden(ffn.hidden), width(ffn.width()), dimP(roundUp(dim, Need::summed)),
        hiddenP(roundUp(hidden, Need::summed)), widthP(roundUp(width, Need::summed)), dimQ(roundUp(dim, Need::side)),
        hiddenQ(roundUp(hidden, Need::side)), widthQ(roundUp(width, Need::side)), paddedRows(0), padOffset(nullptr) {
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

/// Columns computed at once, so that what is summed over for them stays in the second-level cache.
template <class Operand>
inline int64_t columnsAtOnce(int64_t summed) {
  constexpr int64_t bytes = 512 * 1024;
  const int64_t fitting = bytes / (summed * int64_t(sizeof(Operand))) / 48 * 48;
  return most(48, least(fitting, columnChunk / 48 * 48));
}

inline int64_t parts(int64_t size, int64_t part) { return (size + part - 1) / part; }

/// A thread holds the tile registers during an item that needs them.
template <class Operand>
struct Registers {};
#if defined(__AMX_BF16__)
template <>
struct Registers<Bf16> : Tiles {};
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
  Operand* inputs;      // of each expert B [dimP, padded rows]
  Operand* activated;   // of each expert B [hiddenP, padded rows]
  float* answers;       // [rows, dimQ]
  int64_t* identity;    // [rows]
  void* out;
  Storage* preactivation;

  static void pack(const void* context, int64_t item) {
    const auto& self = *static_cast<const Forward*>(context);
    const auto [e, block] = self.rowPieces[item];
    const Storage* rows[16];
    self.gather(self.ffn.x, e, block * 16, rows);
    packRowsAsColumns(rows, self.dim, self.inputs + self.padOffset[e] * self.dimQ + block * self.dimP * 16);
  }

  /// activation(up · x) for some hidden units of all rows of an expert.
  static void hiddenUnits(const void* context, int64_t item) {
    const auto& self = *static_cast<const Forward*>(context);
    const auto [e, panel] = self.hiddenPieces[item];
    [[maybe_unused]] const Registers<Operand> registers;
    const int64_t first = panel * hiddenRows, units = least(hiddenRows, self.hidden - first);
    const int64_t padded = roundUp(units, Base::Need::rowCount);
    const int64_t summed = self.dimP, blocks = self.paddedRowsOf(e) / 16;
    const auto buffer = static_cast<float*>(
        threadBuffer(2 * hiddenRows * (columnChunk * sizeof(float) + summed * sizeof(Operand))));
    float *const gate = buffer, *const up = buffer + hiddenRows * columnChunk;
    const auto room = reinterpret_cast<Operand*>(up + hiddenRows * columnChunk);
    const Storage* weights = self.up(e) + first * self.dim;
    const auto rows = asRows(weights, self.dim, units, self.dim, room);
    const auto upRows = self.gated() ? asRows(weights + self.hidden * self.dim, self.dim, units, self.dim,
                                              room + hiddenRows * summed)
                                     : rows;
    const Operand* inputs = self.inputs + self.padOffset[e] * self.dimQ;
    Operand* activated = self.activated + self.padOffset[e] * self.hiddenQ;
    const int64_t atOnce = columnsAtOnce<Operand>(summed) / 16;
    for (int64_t block = 0; block < blocks; block += atOnce) {
      const int64_t chunk = least(atOnce, blocks - block);
      const Operand* columns = inputs + block * summed * 16;
      product<Source::memory, Into::nothing>(rows.data, rows.ld, padded, columns, summed, summed * 16, chunk, gate, columnChunk);
      if (self.gated())
        product<Source::memory, Into::nothing>(upRows.data, upRows.ld, padded, columns, summed, summed * 16, chunk, up, columnChunk);
      if (self.preactivation) {
        self.keep(e, block, chunk, first, units, gate);
        if (self.gated()) self.keep(e, block, chunk, self.upColumn() + first, units, up);
      }
      const int64_t until = first + units == self.hidden ? self.hiddenP - first : units;
      for (int64_t j = 0; j < chunk; ++j) {
        Operand* to = activated + (block + j) * self.hiddenP * 16 + first * 16;
        for (int64_t i = 0; i < until; i += 2) {
          Floats pair[2];
          for (int64_t k = 0; k < 2; ++k) {
            const int64_t at = (i + k) * columnChunk + j * 16;
            pair[k] = i + k >= units ? Floats{} : self.gated() ? silu(load(gate + at)) * load(up + at) : gelu(load(gate + at));
          }
          if (i + 1 < until) storePair(to + i * 16, pair[0], pair[1]);
          else store(to + i * 16, pair[0]);
        }
      }
    }
  }

  static Floats silu(Floats x) { return x * sigmoid(x); }
  static Floats gelu(Floats x) { return x * normalCdf(x); }

  /// Stores what `from` [hiddenRows, columnChunk] holds of some units and sixteens of rows.
  void keep(int64_t e, int64_t block, int64_t blocks, int64_t column, int64_t units, const float* from) const {
    static_assert(hiddenRows == ExpertFfn::preactivationBlock);
    for (int64_t j = 0; j < blocks; ++j) {
      const int64_t row = (block + j) * 16, rows = least(16, this->rowsOf(e) - row);
      Storage* to = preactivation + this->preactivationAt(e, row, column);
      Floats left[16], right[16];
      for (int64_t k = 0; k < 16; ++k) {
        left[k] = k < units ? load(from + k * columnChunk + j * 16) : Floats{};
        right[k] = 16 + k < units ? load(from + (16 + k) * columnChunk + j * 16) : Floats{};
      }
      transpose(left);
      transpose(right);
      for (int64_t k = 0; k < rows; ++k) storePast(to + k * hiddenRows, left[k], right[k]);
    }
  }

  /// down · activated for some output columns of all rows of an expert.
  static void output(const void* context, int64_t item) {
    const auto& self = *static_cast<const Forward*>(context);
    const auto [e, panel] = self.outputPieces[item];
    [[maybe_unused]] const Registers<Operand> registers;
    const int64_t first = panel * outputRows, units = least(outputRows, self.dim - first);
    const int64_t summed = self.hiddenP, blocks = self.paddedRowsOf(e) / 16;
    const auto buffer =
        static_cast<float*>(threadBuffer(outputRows * (columnChunk * sizeof(float) + summed * sizeof(Operand))));
    const auto room = reinterpret_cast<Operand*>(buffer + outputRows * columnChunk);
    const auto rows = asRows(self.down(e) + first * self.hidden, self.hidden, units, self.hidden, room);
    const Operand* activated = self.activated + self.padOffset[e] * self.hiddenQ;
    const int64_t atOnce = columnsAtOnce<Operand>(summed) / 16;
    for (int64_t block = 0; block < blocks; block += atOnce) {
      const int64_t chunk = least(atOnce, blocks - block);
      product<Source::memory, Into::nothing>(rows.data, rows.ld, roundUp(units, Base::Need::rowCount), activated + block * summed * 16, summed,
              summed * 16, chunk, buffer, columnChunk);
      for (int64_t j = 0; j < chunk; ++j) {
        const int64_t row = (block + j) * 16, count = least(16, self.rowsOf(e) - row);
        float* to = self.answers + (self.ffn.offset[e] + row) * self.dimQ + first;
        for (int64_t i = 0; i < units; i += 16) {
          Floats tile[16];
          for (int64_t k = 0; k < 16; ++k)
            tile[k] = i + k < units ? load(buffer + (i + k) * columnChunk + j * 16) : Floats{};
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
    const int64_t hiddenParts = parts(this->hidden, hiddenRows), outputParts = parts(this->dim, outputRows);
    const int64_t rowParts = this->paddedRows / 16;
    Scratch scratch(Scratch::sizeOf((E + 1) * sizeof(int64_t)) + Scratch::sizeOf(rows * sizeof(int64_t)) +
                    Scratch::sizeOf(rowParts * sizeof(Piece)) + Scratch::sizeOf(E * hiddenParts * sizeof(Piece)) +
                    Scratch::sizeOf(E * outputParts * sizeof(Piece)) +
                    Scratch::sizeOf(this->paddedRows * this->dimQ * sizeof(Operand)) +
                    Scratch::sizeOf(this->paddedRows * this->hiddenQ * sizeof(Operand)) +
                    Scratch::sizeOf(rows * this->dimQ * sizeof(float)));
    this->placeRows(static_cast<int64_t*>(scratch.take((E + 1) * sizeof(int64_t))));
    identity = static_cast<int64_t*>(scratch.take(rows * sizeof(int64_t)));
    for (int64_t i = 0; i < rows; ++i) identity[i] = i;
    rowPieces = static_cast<Piece*>(scratch.take(rowParts * sizeof(Piece)));
    hiddenPieces = static_cast<Piece*>(scratch.take(E * hiddenParts * sizeof(Piece)));
    outputPieces = static_cast<Piece*>(scratch.take(E * outputParts * sizeof(Piece)));
    inputs = static_cast<Operand*>(scratch.take(this->paddedRows * this->dimQ * sizeof(Operand)));
    activated = static_cast<Operand*>(scratch.take(this->paddedRows * this->hiddenQ * sizeof(Operand)));
    answers = static_cast<float*>(scratch.take(rows * this->dimQ * sizeof(float)));
    const Phase phases[] = {
        {this->listRows(rowPieces), pack},
        {this->listPanels(hiddenPieces, hiddenParts, false), hiddenUnits},
        {this->listPanels(outputPieces, outputParts, false), output},
        {parts(this->ffn.tokens, tokenChunk), combine},
    };
    runPhases(phases, out ? 4 : 2, this, this->ffn.threads);
  }
};
