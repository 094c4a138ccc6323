/** Promises that the top level of cells waits for; see `cells/heldAwaits.ts`. */
export class HeldPromises {
  readonly #promises = new Set<Promise<unknown>>();

  readonly hold = <T>(value: T): T => {
    if (value instanceof Promise) {
      this.#promises.add(value);
      const release = () => void this.#promises.delete(value);
      value.then(release, release);
    }
    return value;
  };

  /** Nobody waits any more. */
  release(): void {
    this.#promises.clear();
  }
}
