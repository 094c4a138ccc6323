// The passes of rows.h for one instruction set. Included inside its namespace.

template <class Storage>
struct RowPass {
  static constexpr int64_t atOnce = 32;  // rows or tokens of an item

  const RowMoves& moves;
  const Storage* from;
  const Storage* rows;  // what multiply meets
  void* to;

  float weightOf(int64_t t, int64_t c) const { return moves.weight ? moves.weight[t * moves.choices + c] : 1.0f; }

  static void scatter(const void* context, int64_t item) {
    const auto& self = *static_cast<const RowPass*>(context);
    const RowMoves& moves = self.moves;
    const int64_t dim = moves.dim, last = least(moves.stored, (item + 1) * atOnce);
    for (int64_t row = item * atOnce; row < last; ++row) {
      const int64_t number = moves.number[row];
      Storage* const to = static_cast<Storage*>(self.to) + row * dim;
      if (number < 0) {
        __builtin_memset(to, 0, dim * sizeof(Storage));
        continue;
      }
      const int64_t t = number % moves.tokens;
      const Storage* const from = self.from + t * dim;
      if (!moves.weight) {
        __builtin_memcpy(to, from, dim * sizeof(Storage));
        continue;
      }
      const float weight = self.weightOf(t, number / moves.tokens);
      for (int64_t j = 0; j < dim; j += lanes) storeFirst(to + j, loadFirst(from + j, dim - j) * weight, dim - j);
    }
  }

  static void gather(const void* context, int64_t item) {
    const auto& self = *static_cast<const RowPass*>(context);
    const RowMoves& moves = self.moves;
    const int64_t dim = moves.dim, last = least(moves.tokens, (item + 1) * atOnce);
    struct Term {
      const Storage* row;
      float weight;
    };
    auto* const terms = static_cast<Term*>(threadBuffer(moves.choices * sizeof(Term)));
    for (int64_t t = item * atOnce; t < last; ++t) {
      int64_t count = 0;
      for (int64_t c = 0; c < moves.choices; ++c) {
        const int64_t row = moves.position[c * moves.tokens + t];
        if (row >= 0) terms[count++] = {self.from + row * dim, self.weightOf(t, c)};
      }
      Storage* const to = static_cast<Storage*>(self.to) + t * dim;
      int64_t j = 0;
      for (; j + 2 * lanes <= dim; j += 2 * lanes) {
        Floats left = {}, right = {};
        for (int64_t i = 0; i < count; ++i) {
          left += load(terms[i].row + j) * terms[i].weight;
          right += load(terms[i].row + j + lanes) * terms[i].weight;
        }
        storeTwo(to + j, left, right);
      }
      for (; j < dim; j += lanes) {
        Floats total = {};
        for (int64_t i = 0; i < count; ++i) total += loadFirst(terms[i].row + j, dim - j) * terms[i].weight;
        storeFirst(to + j, total, dim - j);
      }
    }
  }

  static void multiply(const void* context, int64_t item) {
    const auto& self = *static_cast<const RowPass*>(context);
    const RowMoves& moves = self.moves;
    const int64_t dim = moves.dim, last = least(moves.tokens, (item + 1) * atOnce);
    for (int64_t t = item * atOnce; t < last; ++t) {
      const Storage* const grad = self.from + t * dim;
      for (int64_t c = 0; c < moves.choices; ++c) {
        const int64_t row = moves.position[c * moves.tokens + t];
        Floats total = {};
        if (row >= 0) {
          const Storage* const other = self.rows + row * dim;
          for (int64_t j = 0; j < dim; j += lanes) total += loadFirst(grad + j, dim - j) * loadFirst(other + j, dim - j);
        }
        static_cast<float*>(self.to)[t * moves.choices + c] = sum(total);
      }
    }
  }

  void run(void (*task)(const void*, int64_t), int64_t count) const {
    const Phase phase{(count + atOnce - 1) / atOnce, task};
    const bool small = count * moves.dim < 32768;
    runPhases(&phase, 1, this, small ? 1 : moves.threads);
  }
};
