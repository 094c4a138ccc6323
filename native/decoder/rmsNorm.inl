// RMSNorm and its gradient, a row at a time.

template <class Storage>
void normalise(const RmsNorm& norm, void* y, float* factor) {
  const int64_t dim = norm.dim;
  forRows(norm.rows, RmsNorm::rowsTogether, norm.threads, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const Storage* x = static_cast<const Storage*>(norm.x) + row * dim;
      Storage* to = static_cast<Storage*>(y) + row * dim;
      Floats squares = {};
      for (int64_t j = 0; j < dim; j += lanes) {
        const Floats v = loadFirst(x + j, dim - j);
        squares += v * v;
      }
      const float r = 1.0f / __builtin_sqrtf(total(squares) / static_cast<float>(dim) + norm.eps);
      if (factor) factor[row] = r;
      for (int64_t j = 0; j < dim; j += lanes) {
        const Floats v = loadFirst(x + j, dim - j) * r;
        storeFirst(to + j, norm.weight ? v * loadFirst(norm.weight + j, dim - j) : v, dim - j);
      }
    }
  });
}

template <class Storage>
void normaliseBackward(const RmsNorm& norm, const void* gradY, const float* factor, void* gradX, float* partWeight) {
  const int64_t dim = norm.dim;
  forRows(norm.rows, RmsNorm::rowsTogether, norm.threads, [&](int64_t first, int64_t last) {
    float* part = partWeight ? partWeight + first / RmsNorm::rowsTogether * dim : nullptr;
    if (part) __builtin_memset(part, 0, dim * sizeof(float));
    for (int64_t row = first; row < last; ++row) {
      const Storage* x = static_cast<const Storage*>(norm.x) + row * dim;
      const Storage* dy = static_cast<const Storage*>(gradY) + row * dim;
      const float r = factor[row];
      Floats products = {};
      for (int64_t j = 0; j < dim; j += lanes) {
        const Floats v = loadFirst(x + j, dim - j), g = loadFirst(dy + j, dim - j);
        if (part) storeFirst(part + j, loadFirst(part + j, dim - j) + g * v * r, dim - j);
        products += (norm.weight ? g * loadFirst(norm.weight + j, dim - j) : g) * v;
      }
      if (!gradX) continue;
      Storage* dx = static_cast<Storage*>(gradX) + row * dim;
      const float share = total(products) / static_cast<float>(dim) * r * r * r;
      for (int64_t j = 0; j < dim; j += lanes) {
        const Floats v = loadFirst(x + j, dim - j), g = loadFirst(dy + j, dim - j);
        storeFirst(dx + j, (norm.weight ? g * loadFirst(norm.weight + j, dim - j) : g) * r - v * share, dim - j);
      }
    }
  });
}
