//! differs: that a constant is not assigned, the checker alone sees to
const fixed70 = 1;
try {
  // @ts-ignore
  fixed70 = 2;
} catch (error) {
  console.log(String(error));
}
console.log(fixed70);
