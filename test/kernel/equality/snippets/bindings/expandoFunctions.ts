//! whole: properties of a function are declared where it is
function counter8() {
  counter8.calls += 1;
  return counter8.calls;
}
counter8.calls = 0;
counter8();
console.log(counter8(), counter8.name);
const arrow8 = () => {};
console.log(arrow8.name);
