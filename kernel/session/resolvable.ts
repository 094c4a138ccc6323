export interface Resolvable<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (fault: Error) => void;
}

/** A promise that whoever holds it settles; `Promise.withResolvers` of Node 22. */
export function resolvable<T>(): Resolvable<T> {
  let resolve!: (value: T) => void;
  let reject!: (fault: Error) => void;
  const promise = new Promise<T>((onValue, onFault) => {
    resolve = onValue;
    reject = onFault;
  });
  return { promise, resolve, reject };
}
