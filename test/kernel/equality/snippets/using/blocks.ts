const res56 = (name: string) => ({ [Symbol.dispose]: () => console.log("dispose", name) });
{
  using a = res56("a");
  using b = res56("b");
  using none = null;
  console.log("in block");
}
function scoped56() {
  using inner = res56("function");
  return "returned";
}
console.log(scoped56());
for (using each of [res56("loop 1"), res56("loop 2")]) console.log("iteration");
await (async () => {
  await using later = { [Symbol.asyncDispose]: async () => console.log("async dispose") };
  console.log("async body");
})();
try {
  using bad = { [Symbol.dispose]() { throw new Error("in dispose"); } };
  throw new Error("in body");
} catch (error: any) {
  console.log(error.name, error.error?.message, error.suppressed?.message);
}
