{
  function block7() {
    return 1;
  }
  console.log(block7());
}
// @ts-ignore
console.log(typeof block7);
if (true) {
  const block7 = 2;
  console.log(block7);
}
