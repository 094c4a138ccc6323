//! whole: one try
try {
  // @ts-ignore
  undeclared9 = 1;
} catch (error) {
  console.log(String(error));
}
const frozen9 = Object.freeze({ a: 1 });
try {
  // @ts-ignore
  frozen9.a = 2;
} catch (error) {
  console.log(String(error));
}
console.log(
  (function () {
    // @ts-ignore
    return this;
  })(),
);
