//! whole: what an assignment narrows a type to is not known to later cells
let a12: number | null = null;
let b12 = 1;
a12 ??= 5;
b12 ||= 9;
b12 &&= 4;
b12 **= 2;
[a12, b12] = [b12, a12];
console.log(a12, b12);
let o12: { x: number; rest?: object } = { x: 0 };
({ x: o12.x, ...o12.rest } = { x: 3, y: 4, z: 5 });
console.log(o12, (a12++, b12), void 0, typeof a12);
let chained12: number, other12: number;
chained12 = other12 = 6;
console.log(chained12, other12);
