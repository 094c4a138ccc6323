import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const cli = join(import.meta.dirname, "../../../dist/kernel/cli.js");
let folder: string;

const moelab = (...args: string[]) =>
  spawnSync(process.execPath, [cli, ...args], { cwd: folder, encoding: "utf8" });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "moelab-cli-"));
  const cell = (source: string, tags: string[] = []) => ({
    cell_type: "code",
    id: source.slice(0, 3).replace(/\W/g, "_"),
    metadata: { tags },
    source,
    outputs: [],
    execution_count: null,
  });
  const parameters =
    'const lr = 3e-4; // learning rate\nlet steps: number = 10;\nlet gate: "a" | "b" = "a"; // which gate';
  const notebook = {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: [cell(parameters, ["parameters"])],
  };
  writeFileSync(join(folder, "p.ipynb"), JSON.stringify(notebook));
  writeFileSync(join(folder, "empty.ipynb"), JSON.stringify({ ...notebook, cells: [] }));
  writeFileSync(
    join(folder, "python.ipynb"),
    JSON.stringify({ ...notebook, metadata: { kernelspec: { name: "python3", language: "python" } } }),
  );
  writeFileSync(join(folder, "text.ipynb"), "not json");
  writeFileSync(join(folder, "s.ts"), "");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("wrong usage exits with 2, says why, and writes nothing", () => {
  it.each([
    ["", /expected a command/],
    ["rnu x", /unknown command rnu. Did you mean run\?/],
    ["p.ipynb", /Did you mean: moelab run p\.ipynb\?/],
    ["zzz", /Known are run, doctor, kernel/],
    ["kernel instal", /Did you mean install\?/],
    ["kernel run", /expected one connection file/],
    ["run", /expected a notebook or a script/],
    ["run --ouput x p.ipynb", /unknown option --ouput. Did you mean --output\?/],
    ["run p.ipynb --zzz", /unknown option --zzz. Known are --output/],
    ["run p.ipynb -o", /-o expects a value/],
    ["run p.ipynb --inplace=yes", /--inplace takes no value/],
    ["run p.ipynb s.ts", /expected one file/],
    ["run p.ipynb -- x", /takes no arguments after --/],
    ["run s.ts -o x", /--output is for notebooks/],
    ["run x.py", /expected a file ending in \.ipynb or \.ts/],
    ["run none.ipynb", /none\.ipynb cannot be read: ENOENT/],
    ["run none.ts", /none\.ts cannot be read: ENOENT/],
    ["run text.ipynb", /not a notebook/],
    ["run python.ipynb", /expected a TypeScript notebook, got one in python/],
    ["run p.ipynb -o p.ipynb", /is the input itself.*--inplace/],
    ["run p.ipynb -o q.ipynb --inplace", /either --output or --inplace/],
    ["run p.ipynb -o s.ts/x.ipynb", /cannot be made/],
    [
      "run p.ipynb -p lr=fast",
      /parameter "lr": expected number, got fast; known are lr: number, steps: number, gate: "a" \| "b"/,
    ],
    ["run p.ipynb -p step=3", /unknown parameter "step".*Did you mean "steps"\?/],
    ["run p.ipynb -p gate=c", /expected "a" \| "b", got c/],
    ["run p.ipynb -p lr", /expected name=value/],
    ["run empty.ipynb -p lr=1", /the notebook has none/],
  ])("moelab %s", (line, message) => {
    const { status, stderr, stdout } = moelab(...line.split(" ").filter((word) => word !== ""));
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect([status, stdout]).toEqual([2, ""]);
    expect(existsSync(join(folder, "out/p.ipynb"))).toBe(false);
  });
});

describe("help", () => {
  it("lists the commands, the options and the version", () => {
    expect(moelab("--help")).toMatchObject({ status: 0, stdout: expect.stringContaining("kernel install") });
    expect(moelab("run", "--help")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("--allow-errors"),
    });
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../../package.json"), "utf8"));
    expect(moelab("--version")).toMatchObject({ status: 0, stdout: `${version}\n` });
  });

  it("lists a notebook's parameters with type, default and comment", () => {
    const { status, stdout } = moelab("run", "p.ipynb", "--help");
    expect(status).toBe(0);
    expect(stdout.slice(stdout.indexOf("Parameters of"))).toBe(
      [
        "Parameters of p.ipynb:",
        "  lr: number       = 3e-4  // learning rate",
        "  steps: number    = 10",
        '  gate: "a" | "b"  = "a"   // which gate',
        "",
      ].join("\n"),
    );
    expect(moelab("run", "empty.ipynb", "--help").stdout).toMatch(/has no parameters/);
  });
});
