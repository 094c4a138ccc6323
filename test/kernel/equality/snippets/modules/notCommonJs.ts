//! whole: one try each
for (const name of ["__dirname", "__filename", "exports", "module"]) {
  console.log(name, typeof (globalThis as any)[name]);
}
// @ts-ignore
console.log(typeof __dirname, typeof module);
