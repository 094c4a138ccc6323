// Many tensors as one row of pieces that threads claim.

/// Elements of a piece: a few pages of each of a tensor's arrays.
constexpr int64_t pieceLength = 16384;

template <class Step>
struct Pieces {
  const Step* step;
  /// Pieces before each tensor, and all in the end.
  std::vector<int64_t> first;

  /// The tensor of a piece.
  int64_t tensorOf(int64_t piece) const {
    int64_t low = 0, high = static_cast<int64_t>(first.size()) - 1;
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
  Pieces<Step> pieces{&step, {0}};
  for (int64_t tensor = 0; tensor < step.count; ++tensor) {
    pieces.first.push_back(pieces.first.back() + (countOf(tensor) + pieceLength - 1) / pieceLength);
  }
  const Phase phase{pieces.first.back(), [](const void* context, int64_t item) {
                      const auto& all = *static_cast<const Pieces<Step>*>(context);
                      const int64_t tensor = all.tensorOf(item);
                      const int64_t begin = (item - all.first[tensor]) * pieceLength;
                      task(*all.step, tensor, begin, begin + pieceLength);
                    }};
  if (phase.items == 0) return;
  runPhases(&phase, 1, &pieces, phase.items == 1 ? 1 : step.threads);
}
