type Tree39<T> = { value: T; children?: Tree39<T>[] };
interface Visitor39<T> {
  (node: Tree39<T>, depth: number): void;
}
declare const neverThere39: number;
abstract class Walk39<T> {
  constructor(protected readonly visit: Visitor39<T>) {}
  walk(tree: Tree39<T>, depth = 0): void {
    this.visit(tree, depth);
    for (const child of tree.children ?? []) this.walk(child, depth + 1);
  }
}
class Printer39 extends Walk39<string> {}
new Printer39((node, depth) => console.log("-".repeat(depth) + node.value)).walk({
  value: "root",
  children: [{ value: "leaf" }, { value: "branch", children: [{ value: "twig" }] }],
} satisfies Tree39<string>);
const widened39 = <const T,>(x: T) => x;
console.log(widened39({ a: [1, 2] } as const).a[0]! as unknown as string);
function isText39(x: unknown): x is string {
  return typeof x === "string";
}
const mixed39: unknown[] = [1, "two"];
console.log(mixed39.filter(isText39).map((t) => t.length), <number>(<unknown>"cast"));
