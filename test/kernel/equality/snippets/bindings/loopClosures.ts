const fns6: (() => number)[] = [];
for (var v6 = 0; v6 < 3; v6++) fns6.push(() => v6);
for (let l6 = 0; l6 < 3; l6++) fns6.push(() => l6);
for (const c6 of [7, 8]) fns6.push(() => c6);
console.log(fns6.map((f) => f()));
