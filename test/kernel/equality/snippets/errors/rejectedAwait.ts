//! throws
class CustomError63 extends Error {
  override name = "CustomError63";
  code = 63;
}
async function reject63() {
  await null;
  throw new CustomError63("asynchronous");
}
await reject63();
