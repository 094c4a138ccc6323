export default class Named49 {
  static value = 49;
}
console.log(Named49.value);
