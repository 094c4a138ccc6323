//! whole: a name is not initialised before its declaration in the same text
function peek5() {
  return late5;
}
try {
  peek5();
} catch (error) {
  // V8 words it differently for scripts and modules.
  console.log((error as Error).name);
}
let late5 = 3;
console.log(peek5());
class Late5 {}
console.log(new Late5() instanceof Late5);
