//! whole: what is used is disposed of at the end of its text
//! alone: what is used is disposed of at the end of its text
await using slow55 = {
  value: 55,
  async [Symbol.asyncDispose]() {
    await new Promise((resolve) => setTimeout(resolve, 5));
    console.log("disposed slowly");
  },
};
console.log(slow55.value);
const after55 = slow55.value + 1;
console.log(after55);
