// Attention of the newest position to all that are there: softmax(q · kᵀ / √headDim) · v, a head at a time.

template <class Storage>
void attendHead(const OneQuery& attention, int64_t sequence, int64_t head) {
  const int64_t length = attention.length, headDim = attention.headDim;
  const int64_t kvHead = head / (attention.heads / attention.kvHeads);
  const auto at = [&](const void* base, const int64_t stride[3], int64_t which) {
    return static_cast<const Storage*>(base) + sequence * stride[0] + which * stride[1];
  };
  const Storage* query = at(attention.query, attention.queryStride, head);
  const Storage* keys = at(attention.keys, attention.keyStride, kvHead);
  const Storage* values = at(attention.values, attention.valueStride, kvHead);
  Storage* to = static_cast<Storage*>(attention.out) + (sequence * attention.heads + head) * headDim;
  const int64_t padded = (headDim + lanes - 1) / lanes * lanes;
  float* const q = static_cast<float*>(threadBuffer((padded + length) * sizeof(float)));
  float* const share = q + padded;

  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(headDim));
  for (int64_t j = 0; j < headDim; j += lanes) store(q + j, loadFirst(query + j, headDim - j) * scale);
  float largest = -__builtin_inff();
  for (int64_t t = 0; t < length; ++t) {
    const Storage* key = keys + t * attention.keyStride[2];
    Floats products = {};
    for (int64_t j = 0; j < headDim; j += lanes) products += load(q + j) * loadFirst(key + j, headDim - j);
    share[t] = total(products);
    if (!(share[t] <= largest)) largest = share[t];
  }
  Floats sums = {};
  for (int64_t t = 0; t < length; t += lanes) {
    storeFirst(share + t, exponential(loadFirst(share + t, length - t) - largest), length - t);
    sums += loadFirst(share + t, length - t);
  }
  const float whole = 1.0f / total(sums);
  for (int64_t j = 0; j < headDim; j += lanes) {
    Floats mean = {};
    for (int64_t t = 0; t < length; ++t) {
      mean += loadFirst(values + t * attention.valueStride[2] + j, headDim - j) * share[t];
    }
    storeFirst(to + j, mean * whole, headDim - j);
  }
}

template <class Storage>
void attendAll(const OneQuery& attention) {
  // Below this a second thread would wake for less than it takes to wake it.
  constexpr int64_t worthSharing = 16384;
  const int64_t heads = attention.batch * attention.heads;
  const bool share = heads * attention.length * attention.headDim >= worthSharing;
  forRows(heads, 1, share ? attention.threads : 1, [&](int64_t item, int64_t) {
    attendHead<Storage>(attention, item / attention.heads, item % attention.heads);
  });
}
