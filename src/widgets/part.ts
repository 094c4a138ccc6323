/** What the front end knows by an id: widgets, and what they refer to. */
export abstract class Part {
  /** Makes it known to the front end; null where there is none. */
  abstract readonly modelId: string | null;
  /** The whole state as the front end has it; binary values are still in it. */
  abstract wireState(): Record<string, unknown>;
  /** Sends what was held back. */
  abstract flush(): void;
}

const open = new Map<string, Part>();

/** The parts that the front end may speak of. */
export const openParts: ReadonlyMap<string, Part> = open;

export function opened(id: string, part: Part): void {
  open.set(id, part);
}

export function closed(id: string): void {
  open.delete(id);
}

const reference = "IPY_MODEL_";

/** A value of a state as it travels: its parts as references. */
export function toReferences(value: unknown): unknown {
  if (value instanceof Part) return `${reference}${value.modelId}`;
  return Array.isArray(value) ? value.map(toReferences) : value;
}

export function fromReferences(value: unknown): unknown {
  if (typeof value === "string" && value.startsWith(reference)) {
    return open.get(value.slice(reference.length)) ?? value;
  }
  return Array.isArray(value) ? value.map(fromReferences) : value;
}
