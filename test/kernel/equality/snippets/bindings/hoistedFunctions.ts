//! whole: functions are hoisted within one text
console.log(later3(4), typeof later3);
function later3(n: number) {
  return n * factor3();
}
function factor3() {
  return 10;
}
