async function* ticks17(n: number) {
  for (let i = 0; i < n; i++) {
    await null;
    yield i;
  }
}
for await (const t of ticks17(3)) console.log("tick", t);
for await (const p of [Promise.resolve("a"), "b"]) console.log(p);
const gen17 = ticks17(10);
console.log(await gen17.next(), await gen17.return(undefined), await gen17.next());
