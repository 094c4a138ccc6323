// The optimizers' arithmetic, one pass over memory.

inline Floats squareRoot(Floats x) {
#if defined(__AVX512F__)
  return bitsOf<Floats>(_mm512_sqrt_ps(bitsOf<__m512>(x)));
#else
  Floats root;
  for (int i = 0; i < lanes; ++i) root[i] = __builtin_sqrtf(x[i]);
  return root;
#endif
}

inline Floats readWeight(const OptimizerTensor& tensor, int64_t at, int64_t count) {
  return tensor.master ? loadFirst(tensor.master + at, count) : read(tensor.parameter, at, count);
}

inline void writeWeight(const OptimizerTensor& tensor, int64_t at, int64_t count, Floats weight) {
  if (tensor.master) storeFirst(tensor.master + at, weight, count);
  if (tensor.master || tensor.parameter.storage != Storage::bfloat16) return write(tensor.parameter, at, count, weight);
  // No full weight remembers what rounding takes away.
  writeStochastically(tensor.parameter, at, count, weight, randomBits(mixedBits(tensor.key), at));
}

void adamPiece(const AdamStep& step, int64_t index, int64_t begin, int64_t end) {
  const OptimizerTensor tensor = step.tensors[index];
  if (end > tensor.count) end = tensor.count;
  const bool rounds = tensor.first.storage != Storage::float32 || tensor.second.storage != Storage::float32;
  for (int64_t at = begin; at < end; at += lanes) {
    const int64_t count = end - at;
    Floats weight = readWeight(tensor, at, count);
    const Floats gradient = read(tensor.gradient, at, count) * step.gradientScale + weight * tensor.penalty;
    Floats first = read(tensor.first, at, count), second = read(tensor.second, at, count);
    first += (gradient - first) * step.newFirst;
    second = second * step.oldSecond + gradient * gradient * step.newSecond;
    weight *= tensor.weightFactor;
    weight -= first * tensor.rate / (squareRoot(second) * tensor.secondScale + step.eps);
    writeWeight(tensor, at, count, weight);
    if (rounds) {
      const Words random = randomBits(tensor.key, at);
      writeStochastically(tensor.first, at, count, first, random);
      writeStochastically(tensor.second, at, count, second, random >> 16);
    } else {
      write(tensor.first, at, count, first);
      write(tensor.second, at, count, second);
    }
  }
}

void sgdPiece(const SgdStep& step, int64_t index, int64_t begin, int64_t end) {
  const OptimizerTensor tensor = step.tensors[index];
  if (end > tensor.count) end = tensor.count;
  for (int64_t at = begin; at < end; at += lanes) {
    const int64_t count = end - at;
    Floats weight = readWeight(tensor, at, count);
    Floats direction = read(tensor.gradient, at, count) * step.gradientScale + weight * tensor.penalty;
    if (tensor.first.data) {
      Floats momentum = direction;
      if (!tensor.begins) momentum = read(tensor.first, at, count) * step.momentum + direction * step.undamped;
      direction = step.nesterov ? direction + momentum * step.momentum : momentum;
      writeStochastically(tensor.first, at, count, momentum, randomBits(tensor.key, at));
    }
    weight = weight * tensor.weightFactor - direction * tensor.rate;
    writeWeight(tensor, at, count, weight);
  }
}
