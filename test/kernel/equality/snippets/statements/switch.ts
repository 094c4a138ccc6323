const kind32 = (x: unknown) => {
  switch (typeof x) {
    case "number":
    case "bigint": {
      const text = "numeric";
      return text;
    }
    case "string":
      return "text";
    default:
      return "other";
  }
};
console.log(kind32(1), kind32(2n), kind32("s"), kind32(null));
switch (true) {
  case 1 > 2:
    console.log("no");
  case 2 > 1:
    console.log("falls");
  default:
    console.log("through");
}
