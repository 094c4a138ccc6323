import { randomBytes } from "node:crypto";

/** What nbformat 4.5 allows as a cell id. */
const allowed = /^[a-zA-Z0-9_-]{1,64}$/;

export function isCellId(id: unknown): id is string {
  return typeof id === "string" && allowed.test(id);
}

/** A new random id that is not in `taken`: 8 hexadecimal digits. */
export function newCellId(taken: ReadonlySet<string>): string {
  for (;;) {
    const id = randomBytes(4).toString("hex");
    if (!taken.has(id)) return id;
  }
}
