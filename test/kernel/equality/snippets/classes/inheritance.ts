abstract class Shape20 {
  abstract area(): number;
  describe() {
    return `${this.constructor.name} ${this.area().toFixed(2)}`;
  }
  toString() {
    return `<${this.constructor.name}>`;
  }
}
class Circle20 extends Shape20 {
  constructor(private r: number) {
    super();
  }
  area() {
    return Math.PI * this.r ** 2;
  }
  override describe() {
    return `round ${super.describe()}`;
  }
}
console.log(`${new Circle20(1)}`, new Circle20(2).describe(), Circle20.name);
console.log(Object.getPrototypeOf(Circle20) === Shape20, new Circle20(1) instanceof Shape20);
class List20 extends Array<number> {
  sum() {
    return this.reduce((a, b) => a + b, 0);
  }
}
console.log(List20.from([1, 2, 3]).map((x) => x * 2).constructor.name);
