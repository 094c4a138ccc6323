//! whole: overloads belong together
function all14(a: number, b = a + 1, ...more: number[]) {
  return [a, b, more, arguments.length];
}
console.log(all14(1), all14(1, undefined, 3), all14(1, 2, 3, 4), all14.length);
const curry14 =
  (a: number) =>
  (b: number) =>
  (c: number) =>
    a * 100 + b * 10 + c;
console.log(curry14(1)(2)(3));
function overload14(x: string): string;
function overload14(x: number): number;
function overload14(x: string | number) {
  return typeof x === "string" ? x.toUpperCase() : x + 1;
}
console.log(overload14("a"), overload14(1));
