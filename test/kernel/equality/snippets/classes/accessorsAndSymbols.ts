class Temp21 {
  static #instances = new globalThis.Set<Temp21>();
  accessor degrees = 20;
  constructor() {
    Temp21.#instances.add(this);
  }
  get [Symbol.toStringTag]() {
    return "Temp";
  }
  *[Symbol.iterator]() {
    yield this.degrees;
  }
  [Symbol.toPrimitive](hint: string) {
    return hint === "number" ? this.degrees : `${hint}!`;
  }
  static [Symbol.hasInstance](value: unknown) {
    return value === 1;
  }
  static get size() {
    return Temp21.#instances.size;
  }
}
const t21 = new Temp21();
t21.degrees = 25;
console.log([...t21], +t21, `${t21}`, String(Object.prototype.toString.call(t21)), Temp21.size);
console.log((1 as unknown) instanceof Temp21);
