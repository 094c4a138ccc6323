import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Session } from "../../../dist/kernel/session/session.js";

/** What cells mean to each other; what one means by itself, the corpus in `../equality` tells. */

let folder: string;
let session: Session;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "moelab-semantics-"));
  writeFileSync(join(folder, "module.ts"), "export const subject = 'imported';\n");
  session = await Session.start({ cwd: folder });
});
afterAll(async () => {
  await session.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What the cell shows: its streams and its value, or the first line of its error. */
async function shown(code: string): Promise<string> {
  let text = "";
  const { error } = await session.execute({ code }, (event) => {
    if (event.type === "stream") text += event.text;
    if (event.type === "result") text += event.data["text/plain"];
  });
  return error ? `${text}${stripVTControlCharacters(error.traceback[0])}` : text;
}

/** Ways to declare `subject`, and what an expression then gives. */
const forms: Record<string, [declaration: string, expression: string, value: string]> = {
  const: ["const subject = 1;", "subject + 1", "2"],
  let: ["let subject = 'l';", "subject = subject + 2", "'l2'"],
  var: ["var subject = [3];", "subject.at(0)", "3"],
  destructuring: ["const { subject } = { subject: { deep: 4 } };", "subject.deep", "4"],
  function: ["function subject() { return 5 }", "subject()", "5"],
  generator: ["async function* subject() { yield 6 }", "(await subject().next()).value", "6"],
  class: [
    "class subject { static seven = 7; #own = 7; get own() { return this.#own } }",
    "new subject().own",
    "7",
  ],
  enum: ["enum subject { Eight = 8 }", "subject[subject.Eight]", "'Eight'"],
  namespace: ["namespace subject { export const nine = 9; export type Nine = 9 }", "subject.nine", "9"],
  import: ['import { subject } from "./module.js";', "subject.length", "8"],
  "import *": ['import * as subject from "./module.js";', "Object.keys(subject)", "[ 'subject' ]"],
  using: ["using subject = { ten: 10, [Symbol.dispose]() {} };", "subject.ten", "10"],
};

describe("a name may be declared again", () => {
  const names = Object.keys(forms);
  // A walk over all ordered pairs: each form follows each other one, and itself.
  const walk = names.flatMap((first, at) => [first, ...names.slice(at).flatMap((second) => [second, first])]);

  it("in any form after any other", async () => {
    const wrong: string[] = [];
    let before = "nothing";
    for (const name of walk) {
      const [declaration, expression, value] = forms[name];
      const got = await shown(`${declaration}\n${expression}`);
      if (got !== value) wrong.push(`${name} after ${before}: ${got}`);
      before = name;
    }
    expect(wrong).toEqual([]);
  });

  it.each(names)("and is known to later cells: %s", async (name) => {
    const [declaration, expression, value] = forms[name];
    expect([await shown(declaration), await shown("1"), await shown(expression)]).toEqual(["", "1", value]);
  });

  it("and functions of earlier cells use the newest", async () => {
    await shown(
      "let rate = 1;\nfunction step(n: number) { return n * rate }\nfunction twice(n: number) { return step(step(n)) }",
    );
    expect(await shown("rate = 3; twice(1)")).toBe("9");
    await shown("const rate = 10;");
    expect(await shown("twice(1)")).toBe("100");
    await shown("const step = (n: number) => n + rate;");
    expect(await shown("twice(1)")).toBe("21");
    await shown("class Gate { kind = 'old'; other() { return new Gate().kind } }\nconst old = new Gate();");
    await shown("class Gate { kind = 'new'; other() { return '' } }");
    // A class knows itself by the name that it was declared with.
    expect(await shown("[old.other(), old instanceof Gate, new Gate().kind]")).toBe(
      "[ 'old', false, 'new' ]",
    );
  });

  it("types, too, apart from values", async () => {
    await shown("interface Config { depth: number }\nconst config: Config = { depth: 1 };");
    await shown("interface Config { depth: number; width?: string }");
    expect(await shown("const wide: Config = { depth: 2, width: 'w' }; [wide.width, config.depth]")).toBe(
      "[ 'w', 1 ]",
    );
    await shown("type Pair<T> = [T, T]; namespace Kinds { export type Own = Pair<number> }");
    expect(await shown("const pair: Kinds.Own = [1, 2]; pair")).toBe("[ 1, 2 ]");
  });
});

describe("a cell that throws", () => {
  it("leaves what it declared and changed so far, and what it did not reach may be declared", async () => {
    await shown("let kept = 0;");
    expect(
      await shown(
        "kept = 1; const early = 'e'; function made() { return kept }\nthrow new Error('stop');\nconst late = 1;",
      ),
    ).toBe("Error: stop");
    expect(await shown("[kept, early, made()]")).toBe("[ 1, 'e', 1 ]");
    expect(await shown("late")).toBe("ReferenceError: late is not defined");
    expect(await shown("const late = 2; late")).toBe("2");
    expect(await shown("import { missing } from './module.js' with {};")).toContain("TS2305");
    expect(await shown("kept")).toBe("1");
  });
});

describe("using", () => {
  it("disposes at the end of its cell, last first, before the next and also after a throw", async () => {
    await shown(
      "const log: string[] = [];\nconst resource = (name: string) => ({ name, open: true, [Symbol.dispose]() { this.open = false; log.push(name) } });",
    );
    expect(await shown("using a = resource('a');\nusing b = resource('b');\n[a.open, b.open, ...log]")).toBe(
      "[ true, true ]",
    );
    // The names stay.
    expect(await shown("[a.open, b.name, ...log]")).toBe("[ false, 'b', 'b', 'a' ]");
    expect(await shown("using c = resource('c');\nthrow new Error('stop');")).toBe("Error: stop");
    expect(await shown("log.at(-1)")).toBe("'c'");
    await shown(
      "await using d = { async [Symbol.asyncDispose]() { await null; log.push('d') } };\nfunction uses() { return d }",
    );
    expect(await shown("[log.at(-1), typeof uses()]")).toBe("[ 'd', 'object' ]");
    await shown("{ using inner = resource('inner'); }\nlog.push('after the block');");
    expect(await shown("log.slice(-2)")).toBe("[ 'inner', 'after the block' ]");
  });
});

it("stacks of what is to be disposed of are there in every Node", async () => {
  const stack = `const order: string[] = [];
    {
      using stack = new DisposableStack();
      stack.use({ [Symbol.dispose]: () => order.push("used") });
      stack.adopt(5, (five) => order.push(\`adopted \${five}\`));
      stack.defer(() => order.push("deferred"));
    }
    await (async () => {
      await using stack = new AsyncDisposableStack();
      stack.defer(async () => { await null; order.push("awaited"); });
      stack.use({ [Symbol.dispose]() { order.push("plain"); } });
      const moved = stack.move();
      moved.defer(() => { order.push("moved"); });
      await moved.disposeAsync();
    })();
    order`;
  expect(await shown(stack)).toBe("[ 'deferred', 'adopted 5', 'used', 'moved', 'plain', 'awaited' ]");
  const faults = `const failing = new DisposableStack();
    failing.defer(() => { throw new Error("first pushed"); });
    failing.defer(() => { throw new RangeError("last pushed"); });
    let told: unknown[] = [];
    try { failing.dispose(); } catch (error) {
      if (error instanceof SuppressedError) told = [error.error.message, error.suppressed.message, failing.disposed];
    }
    told`;
  expect(await shown(faults)).toBe("[ 'first pushed', 'last pushed', true ]");
  expect(await shown("failing.defer(() => {})")).toMatch(/^ReferenceError: /);
  expect(await shown("new DisposableStack().use({} as Disposable)")).toMatch(/^TypeError: /);
});

it("a cell ends in a top-level loop over what arrives, with its names kept", async () => {
  expect(
    await shown(
      "let total = 0;\nfor await (const part of (async function* () { yield 1; yield 2 })()) total += part;",
    ),
  ).toBe("");
  expect(await shown("total")).toBe("3");
  expect(await shown("loop: for (const x of [1, 2]) { for (;;) { total += x; continue loop } }\ntotal")).toBe(
    "6",
  );
});

it("says clearly what modules have not", async () => {
  expect(await shown("__dirname")).toBe(
    "ReferenceError: __dirname is not defined in ES module scope. Use import.meta.dirname.",
  );
  expect(await shown("typeof __filename")).toBe("'undefined'");
  expect(await shown("require('node:path').basename('/a/b')")).toBe("'b'");
});
