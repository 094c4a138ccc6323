//! whole: what is used is disposed of at the end of its text
//! alone: what is used is disposed of at the end of its text
const disposed54: string[] = [];
const resource54 = (name: string) => ({
  name,
  [Symbol.dispose]() {
    disposed54.push(name);
    console.log("dispose", name);
  },
});
using first54 = resource54("first");
using second54 = resource54("second");
console.log(first54.name, second54.name);
function late54() {
  return first54.name;
}
class Holder54 {
  held = second54;
}
console.log(late54(), new Holder54().held.name, disposed54);
