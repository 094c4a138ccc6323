try {
  await Promise.reject(new RangeError("rejected"));
} catch (error) {
  console.log(String(error));
}
const caught27 = await (async () => {
  throw new TypeError("thrown");
})().catch((error: Error) => error.name);
console.log(caught27);
async function finallyOrder27() {
  try {
    return await Promise.resolve("value");
  } finally {
    console.log("cleanup");
  }
}
console.log(await finallyOrder27());
