type Constructor22 = new (...args: any[]) => object;
const Named22 = <T extends Constructor22>(Base: T) =>
  class extends Base {
    label = "named";
  };
const Anonymous22 = class {
  own = 1;
};
const Mixed22 = Named22(Anonymous22);
console.log(new Mixed22(), Anonymous22.name, Mixed22.name === "");
const Inner22 = class Self22 {
  static who() {
    return Self22.name;
  }
};
console.log(Inner22.who());
