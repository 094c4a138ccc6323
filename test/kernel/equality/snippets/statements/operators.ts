const o35: { a?: { b?: () => number }; c: number[] } = { c: [1] };
console.log(o35.a?.b?.(), o35.c?.[0], o35["c"]?.length, o35.a?.b?.().toFixed() ?? "none");
console.log("a" in { a: 1 }, delete (o35 as any).c, o35, [1, [2, [3]]].flat(Infinity));
console.log(1 < 2 ? (2 < 3 ? "both" : "one") : "none", ~5, 5 >>> 1, -7 % 3, 7 & 3, 4 | 1, 6 ^ 3);
console.log(typeof Symbol.iterator, void "x", +"3", -"4", !Math.PI, !!Math.PI, [] + "", `${[1, 2]}`);
const tag35 = (strings: TemplateStringsArray, ...values: unknown[]) => strings.raw.join("|") + values.join(",");
console.log(tag35`a${1}\n${2}c`, String.raw`\u00e9\n`);
console.log([3, 1, 2].toSorted(), [1, 2, 3].at(-1));
