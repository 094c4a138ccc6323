async function* letters30() {
  try {
    yield* ["a", "b", "c"];
  } finally {
    console.log("closed");
  }
}
for await (const letter of letters30()) {
  if (letter === "b") continue;
  console.log(letter);
}
outer30: for await (const x of letters30()) {
  for (const y of [1, 2]) {
    if (x === "b") break outer30;
    console.log(x, y);
  }
}
const { Readable: Readable30 } = await import("node:stream");
for await (const chunk30 of Readable30.from(["r1", "r2"])) console.log(chunk30);
let last30 = "";
for await (last30 of letters30());
console.log(last30);
