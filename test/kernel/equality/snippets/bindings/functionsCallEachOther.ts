//! whole: a function that comes later is not known to a cell
function even2(n: number): boolean {
  return n === 0 || odd2(n - 1);
}
function odd2(n: number): boolean {
  return n !== 0 && even2(n - 1);
}
console.log(even2(10), odd2(7), even2.name, even2.length);
