const empty62: any = undefined;
try {
  console.log(
    empty62.field,
  );
} catch (error: any) {
  console.log(error.name, error.message, error.constructor === TypeError);
}
try {
  (empty62 as Function)();
} catch (error: any) {
  console.log(error.message);
}
