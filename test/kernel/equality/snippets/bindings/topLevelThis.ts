// @ts-ignore
console.log(this);
const arrow10 = () => {
  // @ts-ignore
  return this;
};
console.log(arrow10());
class Own10 {
  value = 1;
  read = () => this.value;
  static made = typeof this;
}
console.log(new Own10().read(), Own10.made);
