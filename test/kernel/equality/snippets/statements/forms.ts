for (const key in { a: 1, b: 2 }) console.log(key);
for (const i in ["x", "y"]) console.log(i);
for (;;) break;
let w34 = 3;
while (w34-- > 0) if (w34 === 1) console.log("one");
if (w34) console.log("negative");
else console.log("zero");
debugger;
("expression statement");
void (function () {
  console.log("iife");
})();
;[1, 2].forEach((x) => console.log(x));
console.log(((x) => x * 2)(21), [..."héllo"].length, 0.1 + 0.2, 1_000_000, 0xff, 0b11, 2n ** 64n, -0);
