/** Product of sizes; 1 for none. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * The dimensions of a tensor from the outermost in memory to the innermost, or null when its elements do not fill one
 * stretch of memory (slices with gaps, broadcasts). `[0, 1, 2]` for a contiguous tensor, `[0, 2, 1]` for
 * `x.transpose(1, 2)` of one.
 */
export function memoryOrder(shape: readonly number[], strides: readonly number[]): number[] | null {
  const inOrder = shape.map((_, dimension) => dimension);
  if (isDense(shape, strides, inOrder)) return inOrder;
  const byStride = inOrder
    .filter((dimension) => shape[dimension] !== 1)
    .sort((a, b) => strides[b] - strides[a]);
  // Where a dimension of size 1 goes is free; a leading one stays in front, for it counts the rows of a column.
  const single = inOrder.filter((dimension) => shape[dimension] === 1);
  const order = single[0] === 0 ? [0, ...byStride, ...single.slice(1)] : [...byStride, ...single];
  return isDense(shape, strides, order) ? order : null;
}

function isDense(shape: readonly number[], strides: readonly number[], order: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  let expected = 1;
  for (const dimension of [...order].reverse()) {
    if (shape[dimension] === 1) continue;
    if (strides[dimension] !== expected) return false;
    expected *= shape[dimension];
  }
  return true;
}

export function isIdentity(order: readonly number[]): boolean {
  return order.every((dimension, at) => dimension === at);
}

export function isPermutation(order: readonly unknown[], length: number): order is readonly number[] {
  return (
    order.length === length && new Set(order).size === length && order.every((at) => isIndex(at, length))
  );
}

function isIndex(value: unknown, length: number): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < length;
}

export function inverse(order: readonly number[]): number[] {
  const result = new Array<number>(order.length);
  for (const [at, dimension] of order.entries()) result[dimension] = at;
  return result;
}
