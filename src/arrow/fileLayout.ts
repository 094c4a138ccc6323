import { type DType, dtypeFacts } from "../torch/dtype.js";
import type { Tensor } from "../torch/tensor.js";
import { inverse, isIdentity, memoryOrder } from "./layout.js";
import type { TensorColumn } from "./tensorColumn.js";
import { maxListSize } from "./toArrow.js";

/**
 * Where each buffer of a file starts, in bytes: what the widest vector registers and DMA engines want. Other writers
 * of Arrow keep to multiples of 8.
 */
export const bufferAlignment = 64;

export function aligned(bytes: number): number {
  return Math.ceil(bytes / bufferAlignment) * bufferAlignment;
}

/** Memory that is written once, whatever number of tensors lie in it. */
export interface Region {
  /** The tensor that spans it. */
  source: Tensor;
  /** Dimensions of the source from the outermost in memory; null when it has gaps and is packed while it is written. */
  order: readonly number[] | null;
  bytes: number;
  /** In bytes from the start of the body. */
  offset: number;
}

export interface PlacedColumn extends TensorColumn {
  name: string;
  elements: number;
  /** More elements than a fixed-size list has: its buffer of two offsets, in bytes from the start of the body. */
  listOffsets?: number;
  offset: number;
  bytes: number;
}

export interface BodyLayout {
  columns: PlacedColumn[];
  regions: Region[];
  bytes: number;
}

/** A tensor with the stretch of memory it fills. */
interface Stretch {
  name: string;
  tensor: Tensor;
  dtype: DType;
  order: readonly number[] | null;
  /** Tensors with equal keys have one storage. */
  storage: string;
  start: number;
  bytes: number;
}

/**
 * Lays tensors out in the body of a record batch. Tied tensors, and tensors that lie within others at a multiple of
 * the alignment, get the same bytes; overlaps of any other kind are written as often as they occur.
 * @param listLimit elements beyond which a column is a large list
 */
export function layOut(tensors: Record<string, Tensor>, listLimit = maxListSize): BodyLayout {
  const stretches = Object.entries(tensors).map(([name, tensor]) => stretchOf(name, tensor, listLimit));
  const regionOf = new Map<Stretch, { region: Region; within: number }>();
  const regions = placeRegions(stretches, regionOf);
  let end = regions.reduce((last, region) => Math.max(last, region.offset + region.bytes), 0);
  const columns = stretches.map((stretch): PlacedColumn => {
    const { region, within } = regionOf.get(stretch)!;
    const { name, tensor, dtype, order, bytes } = stretch;
    const elements = tensor.numel;
    const whole = tensor.shape;
    const place = { name, dtype, elements, whole, bytes, offset: region.offset + within };
    if (elements > listLimit) {
      const listOffsets = aligned(end);
      end = listOffsets + 16;
      return { ...place, rowShape: [], largeList: true, listOffsets };
    }
    const rowShape = (order ?? whole.map((_, dimension) => dimension)).map((dimension) => whole[dimension]);
    const permutation = order === null || isIdentity(order) ? undefined : inverse(order);
    return { ...place, rowShape, fixedShape: true, permutation };
  });
  return { columns, regions, bytes: aligned(end) };
}

function stretchOf(name: string, tensor: Tensor, listLimit: number): Stretch {
  const { dtype } = tensor;
  let order = memoryOrder(tensor.shape, tensor.strides);
  // Nothing in a large list says how its elements are permuted.
  if (order !== null && tensor.numel > listLimit && !isIdentity(order)) order = null;
  return {
    name,
    tensor,
    dtype,
    order,
    storage: order === null ? `packed ${name}` : `${tensor.device} ${tensor.storagePointer}`,
    start: tensor.storageOffset * dtypeFacts[dtype].bytes,
    bytes: tensor.nbytes,
  };
}

function placeRegions(
  stretches: readonly Stretch[],
  regionOf: Map<Stretch, { region: Region; within: number }>,
): Region[] {
  const regions: Region[] = [];
  const inStorage = new Map<string, { region: Region; start: number }[]>();
  let end = 0;
  // What contains a stretch is placed before it: larger ones first where several start together.
  const outermostFirst = [...stretches].sort((a, b) => a.start - b.start || b.bytes - a.bytes);
  for (const stretch of outermostFirst) {
    const { storage, start, bytes, tensor, order } = stretch;
    const others = inStorage.get(storage) ?? [];
    const around = others.find(
      (other) =>
        start >= other.start &&
        start + bytes <= other.start + other.region.bytes &&
        (start - other.start) % bufferAlignment === 0,
    );
    if (around) {
      regionOf.set(stretch, { region: around.region, within: start - around.start });
      continue;
    }
    const region: Region = { source: tensor, order, bytes, offset: aligned(end) };
    end = region.offset + bytes;
    regions.push(region);
    inStorage.set(storage, [...others, { region, start }]);
    regionOf.set(stretch, { region, within: 0 });
  }
  return regions;
}
