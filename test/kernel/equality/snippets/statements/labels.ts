outer31: for (let i = 0; i < 3; i++) {
  for (let j = 0; j < 3; j++) {
    if (j === 1) continue outer31;
    if (i === 2) break outer31;
    console.log(i, j);
  }
}
block31: {
  console.log("in");
  if (Math.PI > 3) break block31;
  console.log("never");
}
let n31 = 0;
do {
  n31++;
} while (n31 < 5);
console.log(n31);
