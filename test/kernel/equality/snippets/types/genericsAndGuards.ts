class Stack40<T> {
  #items: T[] = [];
  push(...items: T[]) {
    this.#items.push(...items);
    return this;
  }
  pop(): T | undefined {
    return this.#items.pop();
  }
  get size() {
    return this.#items.length;
  }
}
const stack40 = new Stack40<number>().push(1, 2, 3);
console.log(stack40.pop(), stack40.size);
type Result40 = { ok: true; value: number } | { ok: false; error: string };
const show40 = (r: Result40) => (r.ok ? r.value.toFixed(1) : r.error);
console.log(show40({ ok: true, value: 2 }), show40({ ok: false, error: "bad" }));
const entries40 = Object.entries({ x: 1, y: 2 }) as [keyof { x: number; y: number }, number][];
console.log(new globalThis.Map(entries40));
