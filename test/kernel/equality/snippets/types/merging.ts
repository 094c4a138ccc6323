//! whole: declarations merge within one text; in a later cell they replace
function build38(x: string) {
  return build38.prefix + x;
}
namespace build38 {
  export const prefix = "p-";
}
class Album38 {
  label = new Album38.Label();
}
namespace Album38 {
  export class Label {
    text = "label";
  }
}
enum Part38 {
  A,
}
enum Part38 {
  B = 1,
}
interface Merged38 {
  a: number;
}
interface Merged38 {
  b: string;
}
const merged38: Merged38 = { a: 1, b: "2" };
console.log(build38("x"), new Album38().label.text, Part38.A, Part38.B, merged38);
