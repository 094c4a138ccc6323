const list29 = [await Promise.resolve(1), ...(await Promise.resolve([2, 3]))];
const object29 = { key: await "v", [await "k"]: 1 };
const text29 = `${await "t"} ${(await Promise.resolve({ deep: { er: 1 } })).deep.er}`;
const ternary29 = (await true) ? await "yes" : await "no";
console.log(list29, object29, text29, ternary29);
if (await Promise.resolve(true)) console.log("if");
for (let i29 = await 0; i29 < (await 2); i29 += await 1) console.log(i29);
while (await Promise.resolve(false)) console.log("never");
switch (await ("b" as string)) {
  case await "a":
    console.log("a");
    break;
  default:
    console.log("default");
}
