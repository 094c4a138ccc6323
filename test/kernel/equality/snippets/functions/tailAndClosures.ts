const make18 = () => {
  let state = 0;
  return { up: () => ++state, get value() { return state; } };
};
const one18 = make18();
const two18 = make18();
one18.up();
one18.up();
two18.up();
console.log(one18.value, two18.value);
const memo18 = new globalThis.Map<number, number>();
const fib18 = (n: number): number => {
  if (n < 2) return n;
  const known = memo18.get(n);
  if (known !== undefined) return known;
  const value = fib18(n - 1) + fib18(n - 2);
  memo18.set(n, value);
  return value;
};
console.log(fib18(50), memo18.size);
console.log((() => { try { return "try"; } finally { console.log("finally first"); } })());
