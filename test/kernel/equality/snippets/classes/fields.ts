class Base19 {
  static count = 0;
  static #secret = "s";
  #hidden = 1;
  shown = this.#hidden + 1;
  constructor(readonly label = "l", protected extra?: number) {
    Base19.count++;
  }
  has(other: object) {
    return #hidden in other;
  }
  get hidden() {
    return this.#hidden;
  }
  static reveal() {
    return this.#secret;
  }
  static {
    Base19.count = 10;
  }
}
console.log(new Base19(), new Base19("m").hidden, Base19.count, Base19.reveal());
console.log(new Base19().has(new Base19()), new Base19().has({}));
