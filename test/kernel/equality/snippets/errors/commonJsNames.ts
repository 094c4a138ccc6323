try {
  // @ts-ignore
  console.log(__dirname);
} catch (error: any) {
  console.log(error.name, error.message);
}
console.log(typeof (globalThis as any).exports);
