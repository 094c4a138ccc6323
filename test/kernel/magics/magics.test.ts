import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Session } from "../../../dist/kernel/session/session.js";
import type { ExecuteOutcome, SessionEvent } from "../../../kernel/session/events.js";
import { isAlive } from "../run/spawnedRun.js";

let folder: string;
let session: Session;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "moelab-magics-")));
  session = await Session.start({ cwd: folder, env: { ...process.env, MARK: "given", API_TOKEN: "x1y2" } });
});
afterAll(async () => {
  await session.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  outcome: ExecuteOutcome;
  text: string;
  result: unknown;
  events: SessionEvent[];
}

async function run(code: string, request = {}, events: SessionEvent[] = []): Promise<Ran> {
  const outcome = await session.execute({ code, ...request }, (event) => events.push(event));
  const texts = events.map((event) => (event.type === "stream" ? event.text : ""));
  const shown = events.find((event) => event.type === "result");
  const result = shown?.type === "result" ? shown.data["text/plain"] : undefined;
  return { outcome, text: texts.join(""), result, events };
}

/** What a cell that must succeed shows as its value. */
async function result(code: string): Promise<unknown> {
  const { outcome, result } = await run(code);
  expect(outcome.error).toBeUndefined();
  return result;
}

function plain({ error }: ExecuteOutcome): string {
  return stripVTControlCharacters(error!.traceback.join("\n"));
}

async function fault(code: string): Promise<string> {
  const { outcome } = await run(code);
  expect(outcome.status).toBe("error");
  return plain(outcome);
}

const times = /^CPU times: user [\d.]+ (?:s|ms|µs), sys: .+, total: .+\nWall time: ([\d.]+) (s|ms|µs)\n$/;

describe("a cell with magics", () => {
  it("counts once and shows the value of its last part", async () => {
    const before = (await run("1")).outcome.executionCount;
    const { outcome, text, result, events } = await run(
      "1;\n%env A=1\n2;\n%env B=2\n[process.env.A, process.env.B].join()",
    );
    expect([outcome.executionCount - before, text, result]).toEqual([1, "env: A=1\nenv: B=2\n", "'1,2'"]);
    expect(events.filter((event) => event.type === "result")).toMatchObject([
      { executionCount: outcome.executionCount },
    ]);
    expect((await run("1")).outcome.executionCount - before).toBe(2);
  });

  it("keeps the lines of its errors", async () => {
    expect(await fault("%env A=1\n\nconst n: number = 'a';")).toMatch(/^cell-\d+:3:7 - error TS2322/);
    const thrown = await fault("%env A=1\nfunction bad() {\n  throw new Error('e');\n}\n%env A=2\n  bad();");
    expect(thrown).toMatch(
      /^Error: e\n {4}at bad \(cell-\d+:3:9\)\n[\s\S]*> 3 \| {3}throw new Error\('e'\);\n[\s\S]*\n {4}at cell-\d+:6:3\n[\s\S]*> 6 \| {3}bad/,
    );
  });

  it("runs nothing when one of its magics is wrong, or its code before the next change of scope", async () => {
    expect(await fault("console.log('ran');\n%reset hard")).toMatch(
      /^MagicError: %reset: expected -f or nothing, got hard\.\n {4}at cell-\d+:2:1\n.*\n {6}> 2 \| %reset hard\n/,
    );
    const { text, outcome } = await run("console.log('ran');\n%env A=3\nmissing;");
    expect([text, outcome.error?.name]).toEqual(["", "TypeScriptError"]);
  });

  it("names the magic that was probably meant", async () => {
    expect(await fault("%tiem f()")).toContain("%tiem is not known. Did you mean %time?");
    expect(await fault("%%bsah\nls")).toContain("%%bsah is not known. Did you mean %%bash?");
    expect(await fault("%ranks")).toContain("Did you mean %%ranks in the first line of a cell?");
    expect(await fault("%qwertz")).toContain("%magics lists those that are.");
  });

  it("evaluates the user's expressions at its end", async () => {
    const { outcome } = await run("%env A=5\nlet five = 5;", { userExpressions: { x: "five" } });
    expect(outcome.userExpressions?.x).toMatchObject({ status: "ok", data: { "text/plain": "5" } });
  });

  it("stops between its parts when it is interrupted", async () => {
    const running = run("%time await new Promise(() => {})\nconsole.log('went on')");
    await new Promise((resolve) => setTimeout(resolve, 400));
    await session.interrupt();
    const { outcome, text } = await running;
    expect([outcome.status, text.includes("went on")]).toEqual(["interrupted", false]);
  });

  it("does not begin when it is interrupted while it is read, but counts", async () => {
    const before = (await run("1")).outcome.executionCount;
    const running = run("%time console.log('ran')");
    await session.interrupt();
    const { outcome, text } = await running;
    expect([outcome.status, outcome.executionCount - before, text]).toEqual(["interrupted", 1, ""]);
  });

  it("leaves remainders alone", async () => {
    await run("let seven = 7;\nlet four = 4;");
    expect(await result("seven\n%four")).toBe("3");
  });
});

describe("%time", () => {
  it("prints what a statement takes and keeps what it declares", async () => {
    const { text, result: value } = await run(
      "%time const slept = await new Promise((r) => setTimeout(r, 60, 3));\nslept",
    );
    const [, wall, unit] = times.exec(text)!;
    expect([value, unit]).toEqual(["3", "ms"]);
    expect(Number(wall)).toBeGreaterThanOrEqual(59);
  });

  it("takes a whole cell, with its value", async () => {
    const { text, result: value } = await run(
      "%%time\n%env A=1\nconst busy = performance.now();\nwhile (performance.now() < busy + 20);\n'done'",
    );
    expect(value).toBe("'done'");
    expect(text.replace("env: A=1\n", "")).toMatch(times);
    expect(await fault("%%time")).toContain("%%time: expected code below, got nothing.");
    expect(await fault("%time")).toContain("%time: expected a statement, got nothing.");
    expect(await fault("%%time 3\n1")).toContain(
      "%%time: expected the code in the lines below, got 3 as well.",
    );
  });

  it("prints also when the code throws, at its place", async () => {
    const { text, outcome } = await run("%%time\n\nnull!.x;".replace("null!.x", "throw new RangeError('r')"));
    expect(text).toMatch(times);
    expect(plain(outcome)).toMatch(/at cell-\d+:3:7$/m);
  });
});

describe("%env", () => {
  it("sets, shows and lists, without secrets", async () => {
    expect(await result("%env MARK")).toBe("'given'");
    expect((await run("%env MARK two words")).text).toBe("env: MARK=two words\n");
    expect(await result("process.env.MARK")).toBe("'two words'");
    const { text } = await run("%env");
    expect(text).toContain("\nMARK=two words\n");
    expect(text).toContain("API_TOKEN=<hidden>\n");
    expect(await fault("%env NOT_THERE")).toContain(
      "%env: NOT_THERE is not set. Set it with %env NOT_THERE=VALUE.",
    );
  });
});

describe("%cd", () => {
  it("moves cells, their imports and their checks", async () => {
    mkdirSync(join(folder, "inner place"));
    writeFileSync(join(folder, "where.ts"), "export const outer = 1;\n");
    writeFileSync(join(folder, "inner place", "where.ts"), "export const inner = 'i';\n");
    await run('import { outer } from "./where.js";');
    const moved = await run('%cd "inner place"\nimport { inner } from "./where.js";\n[inner, process.cwd()]');
    expect(moved.outcome.error).toBeUndefined();
    expect(moved.text).toBe(`${folder}/inner place\n`);
    expect(moved.result).toBe(`[ 'i', '${folder}/inner place' ]`);
    expect(await result("outer.toFixed(1) + inner + import.meta.dirname.endsWith('place')")).toBe(
      "'1.0itrue'",
    );
    expect(await fault("%cd nowhere")).toContain(
      `%cd: nowhere does not exist; this is ${folder}/inner place.`,
    );
    writeFileSync(join(folder, "inner place", "wrong.ts"), "export const wrong: number = 'w';\n");
    expect(await fault('import { wrong } from "./wrong.js";')).toMatch(
      /^wrong\.ts:1:14 - error TS2322[\s\S]*> 1 \| export const wrong/,
    );
    expect((await run("%cd")).text).toBe(`${folder}\n`);
    expect(await result('import * as where from "./where.js"; where.outer')).toBe("1");
  });
});

describe("%npm", () => {
  it("adds a package that the cell imports, with its types, into the notebook's folder", async () => {
    mkdirSync(join(folder, "source"));
    writeFileSync(
      join(folder, "source", "package.json"),
      '{ "name": "a-dependency", "version": "1.2.3", "type": "module", "types": "t.d.ts", "main": "m.js" }',
    );
    writeFileSync(join(folder, "source", "t.d.ts"), "export declare const answer: number;\n");
    writeFileSync(join(folder, "source", "m.js"), "export const answer = 42;\n");
    expect(await fault('import { answer } from "a-dependency";')).toContain("TS2307");
    const added = await run('%npm add ./source\nimport { answer } from "a-dependency";\nanswer.toFixed(1)');
    expect(added.outcome.error).toBeUndefined();
    expect(added.text).toContain("added 1 package");
    expect(added.result).toBe("'42.0'");
    expect(await fault("const wrong: string = answer;")).toContain("TS2322");
    expect(existsSync(join(folder, "package.json"))).toBe(true);
  });

  it("says what it expects, and what npm failed with", async () => {
    expect(await fault("%npm ad x")).toContain("%npm: expected add or remove, got ad.");
    expect(await fault("%npm add")).toContain("%npm add: expected the names of packages, got none.");
    expect(await fault("%npm add ./not-there")).toMatch(
      /MagicError: npm install .\/not-there failed with exit code \d+/,
    );
  });
});

describe("%%bash", () => {
  it("runs a script, its output in order, its lines those of the cell", async () => {
    const { outcome, text } = await run("%%bash\nfor i in 1 2 3; do echo $i; done\ncd /tmp && pwd");
    expect([outcome.status, text]).toEqual(["ok", "1\n2\n3\n/tmp\n"]);
    const failed = await run("%%bash\n\nno-such-program\nexit 3");
    expect(failed.text).toContain("line 3: no-such-program");
    expect(failed.outcome.error?.message).toBe("The script ended with exit code 3.");
    expect((await run("%bash echo one  two")).text).toBe("one two\n");
    expect(await fault("%%bash\n  ")).toContain("expected a script in the lines below, got none.");
  });

  it("is interrupted together with what it started", async () => {
    const events: SessionEvent[] = [];
    const running = run("%%bash\nsleep 60 &\ntrap '' INT\necho child $!\nsleep 60\necho never", {}, events);
    while (events.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const start = performance.now();
    await session.interrupt();
    const { outcome, text } = await running;
    expect(outcome.status).toBe("interrupted");
    expect(performance.now() - start).toBeLessThan(5000);
    expect(text).not.toContain("never");
    const child = Number(/child (\d+)/.exec(text)![1]);
    await expect.poll(() => isAlive(child), { timeout: 5000 }).toBe(false);
  });
});

describe("names and magics are explained", () => {
  it("by ?name and name?", async () => {
    await run("/** Doubles. */ function twice(n: number) { return 2 * n }");
    const { events } = await run("twice?");
    expect(events).toMatchObject([
      {
        type: "display",
        data: { "text/plain": expect.stringMatching(/^function twice\(n: number\): number/) },
      },
    ]);
    expect(JSON.stringify((await run("?process.cwd")).events)).toContain("current working directory");
    expect(await fault("?nothing.there")).toContain("nothing of that name is known here");
  });

  it("by %magics, inspection and completion", async () => {
    const { events } = await run("%lsmagic");
    expect(events).toMatchObject([
      { type: "display", data: { "text/plain": expect.stringContaining("%%ranks") } },
    ]);
    expect(await session.inspect("%env A", 2)).toMatchObject({
      signature: "%env [NAME | NAME=VALUE | NAME VALUE]",
    });
    const texts = async (code: string, cursor = code.length) => {
      const { completions, start, end } = await session.complete(code, cursor);
      return [completions.map(({ text }) => text), start, end];
    };
    expect(await texts("%ti")).toEqual([["%time"], 0, 3]);
    expect(await texts("%%")).toEqual([["%%bash", "%%ranks", "%%time", "%%unchecked"], 0, 2]);
    expect(await texts("1;\n%re")).toEqual([["%reset"], 3, 6]);
    expect(await texts("%npm a")).toEqual([["add"], 5, 6]);
    expect(await texts("%env PAT")).toEqual([["PATH"], 5, 8]);
    expect(await texts("%time process.cw")).toEqual([["cwd"], 14, 16]);
    expect(await texts("%%time\nprocess.cw")).toEqual([["cwd"], 15, 17]);
    expect(await texts("?process.cw")).toEqual([["cwd"], 9, 11]);
  });

  it("to a console, too", async () => {
    const status = async (code: string) => (await session.isComplete(code)).status;
    expect(await status("%env A=1")).toBe("complete");
    expect(await status("%time f({")).toBe("incomplete");
    expect(await status("%%time")).toBe("incomplete");
    expect(await status("%%time\nf(")).toBe("incomplete");
    expect(await status("%%time\nf()")).toBe("complete");
    expect(await status("%%bash\necho 1")).toBe("incomplete");
    expect(await status("%%bash\necho 1\n")).toBe("complete");
    expect(await status("%%nonsense\n1")).toBe("invalid");
    expect(await status("x?")).toBe("complete");
  });
});

describe("type errors", () => {
  const wrong = "const wrongly: number = 'a', rightly = { q: 1 };";

  it("say how to run anyway, where that helps", async () => {
    const advice = "To run it in spite of type errors, begin the cell with // @ts-nocheck.";
    expect(await fault(wrong)).toContain(advice);
    expect(await fault("nowhere_declared")).not.toContain(advice);
    expect(await fault("let = = 3")).not.toContain(advice);
  });

  it.each(["// @ts-nocheck\n", "\n/* note */\n// @ts-nocheck: later\n", "%%unchecked\n"])(
    "are overlooked after %j",
    async (head) => {
      expect(await result(`${head}${wrong}\nwrongly`)).toBe("'a'");
      expect(await result("rightly.q.toFixed(1)")).toBe("'1.0'");
      expect(await fault("rightly.z")).toContain("TS2339");
      expect((await run(`${head}let = = 3`)).outcome.error?.name).toBe("TypeScriptError");
      await run("{ const wrongly = 0, rightly = 0; }");
    },
  );

  it("are overlooked in single lines, also above an await", async () => {
    expect(
      await result(
        "// @ts-ignore\nconst one: string = await Promise.resolve(1);\n// @ts-expect-error\nconst two: string = await 2;\none",
      ),
    ).toBe("1");
    expect(await fault("// @ts-expect-error\nconst three = await 3;")).toContain("TS2578");
  });
});

describe("%who", () => {
  it("lists variables, and tensors with what they take", async () => {
    await run("%reset -f");
    expect((await run("%who")).text).toBe("There are no variables.\n");
    await run(
      "import { torch } from 'moelab'; const weights = torch.zeros([3, 4]); let steps = 3; const note = 'a|b';",
    );
    const { events } = await run("%who Tensor number string");
    expect(events).toMatchObject([{ type: "display" }]);
    const shown = events[0].type === "display" ? (events[0].data as Record<string, string>) : {};
    expect(shown["text/plain"].split("\n").map((line) => line.split(/\s{2,}/))).toEqual([
      ["name", "type", "value or shape", "dtype", "device", "bytes"],
      ["weights", "Tensor", "[3, 4]", "float32", "cpu", "48"],
      ["steps", "number", "3"],
      ["note", "string", '"a|b"'],
    ]);
    expect(shown["text/markdown"]).toContain("\n| weights | Tensor | \\[3, 4\\] | float32 | cpu | 48 |");
    expect((await run("%whos Gate")).text).toBe("No variable is a Gate.\n");
  });
});

describe("%%ranks", () => {
  it("needs somebody who runs its body, who then takes over", async () => {
    expect(await fault("%%ranks\n1")).toContain("%%ranks needs ranks, and this notebook has started none.");
    session.runBodies("ranks", {
      run: async (body, cell) => {
        cell.emit({ type: "stream", name: "stdout", text: `${body.argument}:${body.code.trim()}\n` });
        return { status: "ok", executionCount: cell.executionCount };
      },
      interrupt: () => {},
    });
    const { outcome, text } = await run("%%ranks 0 1\nrank");
    expect([outcome.status, text]).toEqual(["ok", "0 1:rank\n"]);
  });
});

describe("%reset", () => {
  it("asks, forgets everything and goes on counting", async () => {
    await run("const kept = 1;");
    expect((await run("%reset", { input: async () => "n" })).text).toBe("Nothing was forgotten.\n");
    expect(await result("kept")).toBe("1");
    expect(await fault("%reset")).toContain("Say %reset -f.");
    const { outcome, result: value } = await run("%reset -f\nconst kept = 'anew';\nkept");
    expect([outcome.status, value]).toEqual(["ok", "'anew'"]);
    const after = await run("%reset", { input: async () => "yes" });
    expect(after.outcome.executionCount).toBe(outcome.executionCount + 1);
    expect(await fault("kept")).toContain("Cannot find name 'kept'");
  });
});
