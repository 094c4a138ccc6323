console.log("before");
export default function () {
  return 48;
}
console.log("after");
