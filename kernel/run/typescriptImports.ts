/** Code for a silent cell, after which cells and scripts import TypeScript files. */
export const importTypescriptModules = `await import(${JSON.stringify(
  new URL("../modules/typescriptModules.js", import.meta.url).href,
)} as string);`;
