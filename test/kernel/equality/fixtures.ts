import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { compiled } from "./snippet.js";

/** Local files that snippets import. */
const parts: Record<string, string> = {
  "arithmetic.ts": `export type Pair41 = [number, number];
export const double = (n: number): number => n * 2;
export const half = (n: number): number => n / 2;
export enum kind41 { A = 41 }
export default half;
`,
  "order.ts": 'console.log("order is evaluated");\nexport const order42 = "ordered";\n',
  "sideEffect.ts": 'console.log("side effect");\n(globalThis as any).sideEffects42 = 42;\n',
  "counter.ts": "export let counter50 = 0;\nexport function increment50() {\n  counter50++;\n}\n",
  "cycleA.ts":
    'import { pong53 } from "./cycleB.js";\nexport const ping53 = (n: number): string => (n === 0 ? "" : "ping " + pong53(n - 1));\n',
  "cycleB.ts":
    'import { ping53 } from "./cycleA.js";\nexport const pong53 = (n: number): string => (n === 0 ? "" : "pong " + ping53(n - 1));\n',
  "throws.ts": 'export const never = 1;\nthrow new RangeError("while loading");\n',
};

const packages: Record<string, string> = {
  "esm-package/package.json": JSON.stringify({
    name: "esm-package",
    version: "1.0.0",
    type: "module",
    exports: {
      ".": {
        types: "./types/main.d.ts",
        browser: "./lib/browser.js",
        node: "./lib/main.js",
        default: "./lib/browser.js",
      },
      "./features/*": { types: "./types/*.d.ts", default: "./lib/features/*.js" },
      "./internal/*": null,
    },
    imports: { "#own": "./lib/own.js" },
  }),
  "esm-package/types/main.d.ts":
    "export declare const onlyEsm45: string;\nexport declare const condition45: string;\n",
  "esm-package/types/deep.d.ts": "export declare const deep45: number;\n",
  "esm-package/lib/main.js":
    'export { own as onlyEsm45 } from "#own";\nexport const condition45 = await Promise.resolve("node");\n',
  "esm-package/lib/own.js": 'export const own = "own import";\n',
  "esm-package/lib/browser.js": 'export const condition45 = "browser";\n',
  // It refers to itself.
  "esm-package/lib/features/deep.js":
    'import { condition45 } from "esm-package";\nexport const deep45 = condition45.length;\n',
  "dual-package/package.json": JSON.stringify({
    name: "dual-package",
    version: "1.0.0",
    exports: {
      import: { types: "./main.d.mts", default: "./main.mjs" },
      require: { types: "./main.d.cts", default: "./main.cjs" },
    },
  }),
  "dual-package/main.d.mts":
    "export declare const which45: string;\ndeclare const all: string;\nexport default all;\n",
  "dual-package/main.d.cts": "export declare const which45: number;\n",
  "dual-package/main.mjs": 'export const which45 = "import";\nexport default "default import";\n',
  "dual-package/main.cjs": "exports.which45 = 1;\n",
  "cjs-package/package.json":
    '{ "name": "cjs-package", "version": "1.0.0", "main": "main.js", "types": "main.d.ts" }',
  "cjs-package/main.d.ts":
    "export declare const named45: string;\nexport declare const whole: boolean;\ndeclare const _default: { named45: string; whole: boolean };\nexport default _default;\n",
  "cjs-package/main.js": 'exports.named45 = "named";\nexports.whole = true;\n',
  "untyped-package/package.json":
    '{ "name": "untyped-package", "version": "1.0.0", "type": "module", "main": "main.js" }',
  "untyped-package/main.js": "export const present68 = 1;\n",
};

/** Writes what snippets import below a folder: as TypeScript, or compiled as Node takes it. */
export function writeFixtures(folder: string, kind: "typescript" | "javascript"): void {
  const write = (name: string, text: string) => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  for (const [name, text] of Object.entries(parts)) {
    if (kind === "typescript") write(`parts/${name}`, text);
    else write(`parts/${name.replace(/\.ts$/, ".js")}`, compiled(name, text));
  }
  write("parts/data.json", '{ "name": "data", "nested": { "list": [1, 2] } }\n');
  for (const [name, text] of Object.entries(packages)) write(`node_modules/${name}`, text);
  write("package.json", '{ "name": "snippets", "type": "module" }\n');
}
