try {
  try {
    throw new Error("low", { cause: { code: 1 } });
  } catch (cause) {
    throw new AggregateError([new Error("one"), new TypeError("two")], "high", { cause });
  }
} catch (error: any) {
  console.log(error.message, error.errors.length, error.errors[1].name, error.cause.message, error.cause.cause);
}
class Coded66 extends Error {
  constructor(
    message: string,
    readonly code: number,
  ) {
    super(message);
    this.name = new.target.name;
  }
}
const coded66 = new Coded66("m", 4);
console.log(coded66 instanceof Error, `${coded66}`, coded66.code, coded66.stack!.split("\n")[0]);
