function Point15(this: any, x: number) {
  if (!new.target) return "called";
  this.x = x;
}
// @ts-ignore
console.log(new Point15(3).x, Point15.call(undefined, 1));
const obj15 = {
  n: 5,
  get twice() {
    return this.n * 2;
  },
  set twice(v: number) {
    this.n = v / 2;
  },
  method() {
    return [1].map(() => this.n);
  },
  ["comp" + "uted"]: 1,
};
obj15.twice = 20;
console.log(obj15.n, obj15.twice, obj15.method(), obj15.computed);
