import { mkdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isAlive, SpawnedRun, Workplace } from "./spawnedRun.js";

const place = new Workplace();
beforeAll(() => {
  mkdirSync(place.path("deep"));
  place.write("deep/part.ts", "export const part: string = 'imported';");
});
afterAll(() => place.remove());

const start = (...args: string[]): SpawnedRun => new SpawnedRun(place.folder, ["run", ...args]);

describe("a script", () => {
  it("prints as under Node, with its imports, arguments and the caller's folder", async () => {
    place.write(
      "deep/main.ts",
      `import { part } from "./part.ts";
type Pair<T> = [T, T];
const pair: Pair<number> = [1, 2];
console.log(part, pair, process.argv.slice(2));
process.stdout.write("10%\\r20%\\n");
console.log(process.argv[1] === ${JSON.stringify(place.path("deep/main.ts"))}, process.cwd() === ${JSON.stringify(place.folder)});
console.error("to stderr");
await Promise.resolve();
"a value that is not shown";
`,
    );
    const { code, stdout, stderr } = await start("deep/main.ts", "--", "-x", "two words").finished;
    expect(stdout).toBe("imported [ 1, 2 ] [ '-x', 'two words' ]\n10%\r20%\ntrue true\n");
    expect([code, stderr]).toEqual([0, "to stderr\n"]);
  });

  it("exits with 1 on an error and names file and TypeScript line", async () => {
    place.write(
      "deep/bad.ts",
      "interface Long {\n  field: string;\n}\n\nfunction fail(x: Long) {\n  throw new Error(x.field);\n}\nfail({ field: 'no' });\n",
    );
    const { code, stdout, stderr } = await start("deep/bad.ts").finished;
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^Error: no\n[\s\S]*deep\/bad\.ts:6:9/);
    expect(stderr).toMatch(/deep\/bad\.ts:8:1/);
  });

  it("imports TypeScript as TypeScript finds it, and names its lines", async () => {
    place.write(
      "deep/fails.ts",
      "export interface A {\n  a: string;\n}\n\nexport function fail(): never {\n  throw new Error('inside');\n}\n",
    );
    place.write(
      "deep/outer.ts",
      'import { fail } from "./fails.js";\nimport { part } from "./part";\nconsole.log(part);\nfail();\n',
    );
    const { code, stdout, stderr } = await start("deep/outer.ts").finished;
    expect([code, stdout]).toEqual([1, "imported\n"]);
    expect(stderr).toMatch(/deep\/fails\.ts:6:9/);
    expect(stderr).toMatch(/deep\/outer\.ts:4:1/);
  });

  it("ends when nothing is left that could call it back", async () => {
    place.write(
      "later.ts",
      `import { createServer } from "node:http";
const server = createServer((_, response) => response.end("answered"));
server.listen(0, async () => {
  const { port } = server.address() as { port: number };
  console.log(await (await fetch(\`http://127.0.0.1:\${port}\`)).text());
  setTimeout(() => { console.log("closing"); server.close(); server.closeAllConnections(); }, 300);
});
setInterval(() => {}, 1000).unref();
console.log("main");
`,
    );
    const { code, stdout, stderr } = await start("later.ts").finished;
    expect(stdout).toBe("main\nanswered\nclosing\n");
    expect([code, stderr]).toEqual([0, ""]);
  });

  it("exits with 1 on a type error, before anything runs", async () => {
    place.write("types.ts", "console.log('ran');\nconst n: number = 'text';\n");
    const { code, stdout, stderr } = await start("types.ts").finished;
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/types\.ts[\s\S]*not assignable to type 'number'/);
  });

  it("is plain TypeScript: a magic in it is an error", async () => {
    place.write("magic.ts", "const half = 7;\nconst time = 4;\nhalf\n%time;\nconsole.log('ran');\n");
    expect((await start("magic.ts").finished).stdout).toBe("ran\n");
    place.write("magic.ts", "console.log('ran');\n%time half();\n");
    const { code, stdout, stderr } = await start("magic.ts").finished;
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      /^MagicError: Magics are for cells; a script is plain TypeScript\.\n {4}at magic\.ts:2:1/,
    );
  });

  it("is stopped by SIGTERM", async () => {
    place.write(
      "long.ts",
      "console.log('pid', process.pid);\nawait new Promise((done) => setTimeout(done, 60_000));\n",
    );
    const running = start("long.ts");
    const [, pid] = await running.prints(/pid (\d+)/);
    running.kill("SIGTERM");
    expect((await running.finished).code).toBe(143);
    expect(isAlive(Number(pid))).toBe(false);
  });

  it.each([
    ["at once", "process.exit(7);", 7],
    ["without a code", "process.exitCode = 5; process.exit();", 5],
    ["successfully", "process.exit(0);", 0],
    ["from a timer", "setTimeout(() => process.exit(9), 1);", 9],
    ["from a later timer", "setTimeout(() => process.exit(6), 600);", 6],
    ["by its end", "process.exitCode = 3;", 3],
  ])("exits with its own code: %s", async (name, ending, expected) => {
    const file = `${name.replaceAll(" ", "-")}.ts`;
    place.write(file, `console.log("before");\n${ending}\n`);
    const { code, stdout, stderr } = await start(file).finished;
    expect([code, stdout, stderr]).toEqual([expected, "before\n", ""]);
  });

  it("exits with 1 after an error that nothing caught", async () => {
    place.write("uncaught.ts", "setTimeout(() => {\n  throw new Error('late');\n}, 10);\n");
    const { code, stderr } = await start("uncaught.ts").finished;
    expect(code).toBe(1);
    expect(stderr).toMatch(/Uncaught: Error: late[\s\S]*uncaught\.ts:2:/);
  });

  it("finds itself in import.meta", async () => {
    const code = "console.log(import.meta.url, import.meta.filename, import.meta.dirname);\n";
    place.write("deep/who am i.ts", code);
    const { stdout } = await start("deep/who am i.ts").finished;
    const file = place.path("deep/who am i.ts");
    expect(stdout).toBe(`${pathToFileURL(file).href} ${file} ${place.path("deep")}\n`);
  });

  it("exits with 4 when its executor dies", async () => {
    place.write("killed.ts", "process.kill(process.pid, 'SIGKILL');\n");
    const { code, stderr } = await start("killed.ts").finished;
    expect(code).toBe(4);
    expect(stderr).toMatch(/SIGKILL/);
  });
});
