// Rotary positions: y = x · cos + rotated(x) · sin, halves of a head rotated.

template <class Storage>
void turnRows(const Rotary& turn) {
  const int64_t half = turn.headDim / 2;
  const float sign = turn.inverse ? -1.0f : 1.0f;
  constexpr int64_t together = 64;
  // Positions run slowest within a sequence: all heads of one use the same sines.
  forRows(turn.batch * turn.length, together, turn.threads, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const int64_t sequence = row / turn.length, position = row % turn.length;
      const float *cos = turn.cos + position * turn.headDim, *sin = turn.sin + position * turn.headDim;
      const Storage* from = static_cast<const Storage*>(turn.x) + sequence * turn.stride[0] + position * turn.stride[2];
      Storage* to = static_cast<Storage*>(turn.y) + sequence * turn.strideY[0] + position * turn.strideY[2];
      for (int64_t head = 0; head < turn.heads; ++head, from += turn.stride[1], to += turn.strideY[1]) {
        for (int64_t j = 0; j < half; j += lanes) {
          const int64_t count = half - j;
          const Floats a = loadFirst(from + j, count), b = loadFirst(from + half + j, count);
          const Floats c = loadFirst(cos + j, count), s = loadFirst(sin + j, count) * sign;
          storeFirst(to + j, a * c - b * s, count);
          storeFirst(to + half + j, b * c + a * s, count);
        }
      }
    }
  });
}
