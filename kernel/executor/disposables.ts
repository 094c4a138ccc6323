/**
 * What goes with `using` and JavaScript of 2026 has, Node before 24 not: the checker knows these names, so they must be
 * there. `using` itself needs none of them.
 */

type Release = () => unknown;
type Global = { SuppressedError?: unknown; DisposableStack?: unknown; AsyncDisposableStack?: unknown };

/** Two faults at once: the later one, and the one that it would have hidden. */
class SuppressedError extends Error {
  readonly error: unknown;
  readonly suppressed: unknown;

  constructor(error: unknown, suppressed: unknown, message?: string) {
    super(message);
    this.error = error;
    this.suppressed = suppressed;
  }
}
Object.defineProperty(SuppressedError.prototype, "name", { value: "SuppressedError", writable: true });

/** What both stacks have in common: releases, run last first. */
abstract class ReleaseStack {
  releases: Release[] = [];
  disposed = false;

  adopt<T>(value: T, release: (value: T) => unknown): T {
    this.push(() => release(value));
    return value;
  }

  defer(release: Release): void {
    this.push(release);
  }

  protected push(release: Release): void {
    this.check();
    if (typeof release !== "function") throw new TypeError(`Expected a function, got ${typeof release}.`);
    this.releases.push(release);
  }

  protected check(): void {
    if (this.disposed) throw new ReferenceError(`This ${this.constructor.name} was disposed of already.`);
  }

  /** Gives the releases away. */
  protected take(): Release[] {
    this.disposed = true;
    return this.releases.splice(0).reverse();
  }
}

/** The fault to report after one more. */
function joined(faults: { error: unknown } | undefined, error: unknown): { error: unknown } {
  return { error: faults ? new SuppressedError(error, faults.error) : error };
}

function methodOf(value: any, ...keys: symbol[]): Release {
  const key = keys.find((each) => typeof value[each] === "function");
  if (key === undefined) throw new TypeError("The value has no method that disposes of it.");
  return value[key].bind(value);
}

class DisposableStack extends ReleaseStack {
  use<T>(value: T): T {
    this.check();
    if (value !== null && value !== undefined) this.push(methodOf(value, Symbol.dispose));
    return value;
  }

  move(): DisposableStack {
    this.check();
    const moved = new DisposableStack();
    moved.releases = this.take().reverse();
    return moved;
  }

  dispose(): void {
    let faults: { error: unknown } | undefined;
    for (const release of this.take()) {
      try {
        release();
      } catch (error) {
        faults = joined(faults, error);
      }
    }
    if (faults) throw faults.error;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

class AsyncDisposableStack extends ReleaseStack {
  use<T>(value: T): T {
    this.check();
    if (value !== null && value !== undefined)
      this.push(methodOf(value, Symbol.asyncDispose, Symbol.dispose));
    return value;
  }

  move(): AsyncDisposableStack {
    this.check();
    const moved = new AsyncDisposableStack();
    moved.releases = this.take().reverse();
    return moved;
  }

  async disposeAsync(): Promise<void> {
    let faults: { error: unknown } | undefined;
    for (const release of this.take()) {
      try {
        await release();
      } catch (error) {
        faults = joined(faults, error);
      }
    }
    if (faults) throw faults.error;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disposeAsync();
  }
}

/** Puts what is missing on `globalThis`. */
export function installDisposables(): void {
  const scope = globalThis as Global;
  for (const [name, value] of Object.entries({ SuppressedError, DisposableStack, AsyncDisposableStack })) {
    if (name in scope) continue;
    Object.defineProperty(scope, name, { value, writable: true, configurable: true });
  }
}
