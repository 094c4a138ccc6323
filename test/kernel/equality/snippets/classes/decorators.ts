function logged23<T extends (this: any, ...args: any[]) => any>(target: T, context: ClassMethodDecoratorContext) {
  return function (this: any, ...args: any[]) {
    console.log("call", String(context.name), args);
    return target.apply(this, args);
  } as T;
}
function sealed23(target: Function, context: ClassDecoratorContext) {
  console.log(context.kind, context.name, target.name);
}
function start23(by: number) {
  return (_: undefined, _context: ClassFieldDecoratorContext) => (initial: number) => initial + by;
}
@sealed23
class Tool23 {
  @start23(5) level = 1;
  @logged23
  use(times: number) {
    return times * this.level;
  }
  static make() {
    return new Tool23();
  }
}
console.log(new Tool23().use(2), Tool23.make().level);
