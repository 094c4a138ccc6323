import { startupSnapshot } from "node:v8";
import { anyChanged } from "../../bundle/stamp.js";
import { installationFolder } from "../../installation.js";
import { serve } from "../compilerService.js";
import { installed, TslabCompiler } from "../tslabCompiler.js";

/**
 * The program that is run once to make an image, a process's memory on disk: TypeScript is loaded, its libraries, Node's
 * types and moelab's API are parsed, and a few cells are checked. A compiler process that starts from the image goes on
 * from there. Its argument is the kind of the image.
 */

const lean = process.argv[2] === "lean";

const leanCells = [
  "const a = [1, 2, 3].map((x) => x * 2);\nfunction f(x: number) { return String(x); }\nclass C { x = 1 }",
  "let b = 1, { c, ...d } = { c: 1, e: 2 };\nfor (const x of a) console.log(f(x));\nawait Promise.resolve(1);",
  "interface P { x: number }\ntype Q = P | string;\nenum E { A }\nexport const q: Q = { x: 1 };\nq",
  "1 + 1",
];

const cells = [
  "const a = [1, 2, 3].map((x) => x * 2);\nfunction f(x: number) { return String(x); }\nclass C { x = 1 }",
  'import { torch, nn } from "moelab";\nimport { readFileSync } from "node:fs";\nconst t = torch.zeros([2]);',
  "let b = 1, { c, ...d } = { c: 1, e: 2 };\nfor (const x of a) console.log(f(x));\nawait Promise.resolve(t.add(1));",
  "interface P { x: number }\ntype Q = P | string;\nenum E { A }\nexport const q: Q = { x: 1 };\ndisplay(q)",
  "const wrong: string = 1",
  "1 + 1",
];

let compiler: TslabCompiler | undefined = new TslabCompiler(installationFolder, {
  documentation: !lean,
  lean,
});
// No completion: sorting by locale leaves an object of ICU's behind, which no image can hold.
for (const [number, cell] of (lean ? leanCells : cells).entries()) {
  if (!compiler.compile(cell, `cell-${number}`)) throw new Error(`No cell for a lean compiler:\n${cell}`);
}
if (!lean) compiler.inspect("console.log", 9);
compiler.isComplete("{");
compiler.handOver();
compiler = undefined;

startupSnapshot.setDeserializeMainFunction(() => {
  // Whoever started this starts the program itself instead.
  if (anyChanged((globalThis as any)[Symbol.for("moelab.codeFiles")])) process.exit(1);
  const outdated = installed.forgetChanged();
  // What it says of `console` cannot be told apart from what it should say.
  if (lean && outdated) process.exit(1);
  serve(
    new TslabCompiler(process.cwd(), { documentation: process.argv[2] === "true" && !lean, lean }),
    outdated,
  );
});
