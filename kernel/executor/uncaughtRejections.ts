/**
 * Lets V8 see which rejections end a cell. It holds what a cell awaits for caught, since the inspector waits for the cell,
 * and so a debugger would not pause where it is thrown. While {@link shown}, cells await a copy of each promise, whose
 * rejection comes by way of Node's complaint that nobody has caught it.
 */
export class UncaughtRejections {
  shown = false;
  readonly #rejections = new WeakMap<Promise<unknown>, (reason: unknown) => void>();

  expose<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => this.#rejections.set(promise.then(resolve), reject));
  }

  /** Whether the rejection that Node complains of was exposed here; the cell gets it then. */
  takes(promise: Promise<unknown>, reason: unknown): boolean {
    const reject = this.#rejections.get(promise);
    reject?.(reason);
    return reject !== undefined;
  }
}
