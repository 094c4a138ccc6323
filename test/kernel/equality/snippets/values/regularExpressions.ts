const date58 = /(?<year>\d{4})-(?<month>\d\d)/u;
console.log("2026-11".match(date58)!.groups!.year, "a1b2".replaceAll(/\d/g, (d) => `<${d}>`));
console.log([..."x=1,y=2".matchAll(/(\w)=(\d)/g)].map(([, k, v]) => k + v), /(?<=\$)\d+/.exec("$42")![0]);
const sticky58 = /a/y;
sticky58.lastIndex = 1;
console.log(sticky58.test("ba"), sticky58.lastIndex, "é".normalize("NFD").length, /\p{L}+/u.test("ß"));
console.log("a-b_c".split(/[-_]/), /[/\]]+/.source, /a|b/gi.flags);
