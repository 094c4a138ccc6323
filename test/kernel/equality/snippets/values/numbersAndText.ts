console.log(Number.MAX_SAFE_INTEGER, (255).toString(16), parseFloat("1.5e3"), Number("0x10"), (1.005).toFixed(2));
console.log("pad".padStart(5, "*"), "a\u{1F600}b".length, "abc".at(-1), "x".repeat(3), "  t ".trim());
console.log(new Intl.NumberFormat("en").format(1234567.891), new Date(Date.UTC(2026, 0, 2)).toISOString());
console.log(BigInt.asUintN(8, 257n), 7n / 2n, typeof 1n, [10, 9, 1].sort(), "b".localeCompare("a"));
console.log(JSON.stringify({ a: [1, { b: undefined, c: null }], d: new Date(0) }, null, 1));
console.log(Math.hypot(3, 4), Math.max(...[1, 5, 3]), Number.isInteger(5.0), Object.is(-0, 0));
