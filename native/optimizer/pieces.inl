// Many tensors as one row of pieces that threads claim.

/// Elements of a piece: a few pages of each of a tensor's arrays.
constexpr int64_t pieceLength = 16384;

/// Not the standard library's: its templates, compiled here for one instruction set, would be taken for all.
template <class T>
struct Row {
  T* const at;
  explicit Row(int64_t length) : at(new T[length]) {}
  ~Row() { delete[] at; }
  Row(const Row&) = delete;
};

template <class Step>
struct Pieces {
  const Step* step;
  /// Pieces before each tensor, and all in the end.
  const int64_t* first;
  int64_t tensors;

  /// The tensor of a piece.
  int64_t tensorOf(int64_t piece) const {
    int64_t low = 0, high = tensors;
    while (high - low > 1) {
      const int64_t middle = (low + high) / 2;
      if (first[middle] <= piece) low = middle;
      else high = middle;
    }
    return low;
  }
};

/// Calls `task(step, tensor, begin, end)` for all pieces of all tensors.
template <class Step, void (*task)(const Step&, int64_t, int64_t, int64_t), class CountOf>
void forPieces(const Step& step, CountOf countOf) {
  const Row<int64_t> first(step.count + 1);
  first.at[0] = 0;
  for (int64_t tensor = 0; tensor < step.count; ++tensor) {
    first.at[tensor + 1] = first.at[tensor] + (countOf(tensor) + pieceLength - 1) / pieceLength;
  }
  const Pieces<Step> pieces{&step, first.at, step.count};
  const Phase phase{first.at[step.count], [](const void* context, int64_t item) {
                      const auto& all = *static_cast<const Pieces<Step>*>(context);
                      const int64_t tensor = all.tensorOf(item);
                      const int64_t begin = (item - all.first[tensor]) * pieceLength;
                      task(*all.step, tensor, begin, begin + pieceLength);
                    }};
  if (phase.items == 0) return;
  runPhases(&phase, 1, &pieces, phase.items == 1 ? 1 : step.threads);
}
