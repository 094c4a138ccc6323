function* count16(to: number): Generator<number, string, boolean | undefined> {
  for (let i = 0; i < to; i++) if (yield i) return "stopped";
  return "end";
}
console.log([...count16(3)]);
const it16 = count16(5);
console.log(it16.next(), it16.next(), it16.next(true), it16.next());
function* outer16() {
  const got: string = yield* count16(1);
  yield got;
  try {
    yield "last";
  } finally {
    console.log("finally");
  }
}
for (const v of outer16()) {
  console.log(v);
  if (v === "last") break;
}
