#include "groupedProduct.h"

#include "groupedProduct.cuh"

namespace moelab::cuda {

MOELAB_GROUPED_PRODUCTS(extern, float)
MOELAB_GROUPED_PRODUCTS(extern, BFloat16)
MOELAB_GROUPED_PRODUCTS(extern, Float16)

int tileRowsFor(Element element, int64_t rows, int64_t experts, bool aligned) {
  return aligned && element != Element::float32 && rows > 96 * experts ? 128 : 64;
}

namespace {

/// Kernels count in 32 bits; tiles of 128 may begin just below that.
Status checkSizes(const Problem& problem) {
  constexpr int64_t most = 0x7fffffff - 2 * tileColumns;
  const bool fits = problem.rows <= most && problem.m <= most && problem.n <= most && problem.summed <= most;
  return fits ? nullptr : "a matrix has more rows or columns than 2^31 less a tile";
}

}  // namespace

int64_t weightPartsOf(int64_t hidden) { return parts(hidden, tileColumns); }

namespace {

/// A product for each row tile and column tile.
template <Form form, Result result>
Status forRows(const ExpertRows& rows, Problem problem, int64_t columnTiles, bool aligned, Stream stream) {
  problem.offset = rows.offset;
  problem.padded = rows.padded;
  problem.tiles = rows.tiles;
  problem.rows = rows.rows;
  problem.rowTiles = rows.tileBound();
  problem.columnTiles = columnTiles;
  const int64_t blocks = problem.rowTiles * columnTiles;
  if (const Status wrong = checkSizes(problem)) return wrong;
  if (rows.tileRows != 64 && !aligned) return "tiles of 128 rows were planned for operands that are not aligned";
  return withElement(rows.element, [&](auto of) {
    return launchGroupedProduct<decltype(of), form, result>(problem, blocks, rows.tileRows, aligned, stream);
  });
}

}  // namespace

Status productWithWeights(const ExpertRows& rows, Gathered a, const void* weight, int64_t columns, int64_t summed,
                          void* out, Stream stream) {
  Problem problem{};
  problem.a = a;
  problem.b = {weight, nullptr};
  problem.n = columns;
  problem.summed = summed;
  problem.expertStride = columns * summed;
  problem.out = out;
  const bool aligned = rowsAligned(a.data, summed) && rowsAligned(weight, summed) && rowsAligned(out, columns);
  return forRows<Form::weights, Result::stored>(rows, problem, parts(columns, tileColumns), aligned, stream);
}

Status productWithTransposed(const ExpertRows& rows, Gathered a, const void* weight, int64_t columns, int64_t summed,
                             void* out, Stream stream) {
  Problem problem{};
  problem.a = a;
  problem.b = {weight, nullptr};
  problem.n = columns;
  problem.summed = summed;
  problem.expertStride = columns * summed;
  problem.out = out;
  const bool aligned = rowsAligned(a.data, summed) && rowsAligned(weight, columns) && rowsAligned(out, columns);
  return forRows<Form::transposed, Result::stored>(rows, problem, parts(columns, tileColumns), aligned, stream);
}

Status outerProducts(const ExpertRows& rows, Gathered a, int64_t m, Gathered b, int64_t n, void* out, Stream stream) {
  Problem problem{};
  problem.a = a;
  problem.b = b;
  problem.m = m;
  problem.n = n;
  problem.out = out;
  problem.offset = rows.offset;
  problem.padded = rows.padded;
  problem.rows = rows.rows;
  const bool aligned = rowsAligned(a.data, m) && rowsAligned(b.data, n) && rowsAligned(out, n);
  const int tileRows = aligned && rows.element != Element::float32 && m > 64 ? 128 : 64;
  problem.rowTiles = parts(m, tileRows);
  problem.columnTiles = parts(n, tileColumns);
  const int64_t blocks = rows.experts * problem.rowTiles * problem.columnTiles;
  if (const Status wrong = checkSizes(problem)) return wrong;
  return withElement(rows.element, [&](auto of) {
    return launchGroupedProduct<decltype(of), Form::outer, Result::stored>(problem, blocks, tileRows, aligned, stream);
  });
}

Status upProjection(const ExpertRows& rows, FfnActivation activation, Gathered x, const void* up, int64_t hidden,
                    int64_t dim, void* preactivation, void* activated, Stream stream) {
  Problem problem{};
  problem.activation = activation;
  problem.gated = activation == FfnActivation::swiglu;
  problem.a = x;
  problem.b = {up, nullptr};
  problem.n = problem.gated ? 2 * hidden : hidden;
  problem.hidden = hidden;
  problem.summed = dim;
  problem.expertStride = problem.n * dim;
  problem.out = preactivation;
  problem.activated = activated;
  const bool aligned = rowsAligned(x.data, dim) && rowsAligned(up, dim) && rowsAligned(preactivation, hidden) &&
                       rowsAligned(activated, hidden);
  const int64_t columnTiles = parts(hidden, problem.gated ? tileColumns / 2 : tileColumns);
  return forRows<Form::weights, Result::activated>(rows, problem, columnTiles, aligned, stream);
}

Status downProjectionBackward(const ExpertRows& rows, FfnActivation activation, Gathered gradOut, const void* down,
                              int64_t hidden, int64_t dim, const void* preactivation, const float* rowWeight,
                              void* gradHidden, void* weighted, float* weightParts, Stream stream) {
  Problem problem{};
  problem.activation = activation;
  problem.a = gradOut;
  problem.b = {down, nullptr};
  problem.n = hidden;
  problem.hidden = hidden;
  problem.summed = dim;
  problem.expertStride = hidden * dim;
  problem.preactivation = preactivation;
  problem.rowWeight = rowWeight;
  problem.out = gradHidden;
  problem.activated = weighted;
  problem.weightParts = weightParts;
  const bool aligned = rowsAligned(gradOut.data, dim) && rowsAligned(down, hidden) && rowsAligned(preactivation, hidden) &&
                       rowsAligned(gradHidden, hidden) && rowsAligned(weighted, hidden);
  return forRows<Form::transposed, Result::activatedBackward>(rows, problem, weightPartsOf(hidden), aligned, stream);
}

}  // namespace moelab::cuda
