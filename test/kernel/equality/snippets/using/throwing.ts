//! whole: what is used is disposed of at the end of its text
//! throws
using guarded57 = { [Symbol.dispose]: () => console.log("disposed after the throw") };
console.log("before");
throw new RangeError("in the middle");
