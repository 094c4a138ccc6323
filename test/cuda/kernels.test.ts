import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root, runPython } from "../python/run.js";

const native = join(root, "native");
const kernels = join(native, "moe", "cuda");
const built = join(native, "build");

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ended with ${status}\n${stdout}${stderr}`);
  return stdout + stderr;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "moelab-cuda-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("blocks compute every tile exactly once", () => {
  const program = join(folder, "tiles");
  const flags = ["-std=c++20", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
  run(process.env.CXX ?? "c++", ...flags, join(native, "test", "tiles.cc"), "-o", program);
  expect(run(program)).toContain("covered");
});

describe("emulated on the CPU", () => {
  test("operators and their gradients are those of float64; hostile indices are errors", () => {
    run("cmake", "--build", built, "--target", "moelab_emulated");
    const libraries = [
      join(built, "Release", "libmoelab_operators.so"),
      join(built, "Release", "libmoelab_emulated.so"),
    ];
    const report = JSON.parse(runPython(join(import.meta.dirname, "operators.py"), "cpu", ...libraries));
    const wrong = Object.entries<{ ok: boolean }>(report).filter(([, { ok }]) => !ok);
    expect(Object.fromEntries(wrong)).toEqual({});
    for (const each of ["expert_ffn", "rows", "gate", "dispatch", "hostile"]) {
      expect(Object.keys(report).filter((name) => name.startsWith(each)).length, each).toBeGreaterThan(9);
    }
  }, 600_000);
});

/** On PATH, where CUDA's installer puts it, or from pip (nvidia-cuda-nvcc and nvidia-cuda-runtime in moelab's environment). */
function findNvcc(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/local/cuda/bin"];
  const libraries = join(root, ".moelab", "python", "lib");
  for (const version of existsSync(libraries) ? readdirSync(libraries) : []) {
    folders.push(join(libraries, version, "site-packages", "nvidia", "cu13", "bin"));
  }
  return folders.map((each) => join(each, "nvcc")).find((path) => existsSync(path));
}

const nvcc = findNvcc();
const sources = readdirSync(kernels).filter((name) => name.endsWith(".cu"));
const products = sources.filter((name) => /Product(BFloat16|Float)/.test(name));

describe.skipIf(!nvcc)(
  `compiled by nvcc${nvcc ? "" : " (none found: pip install nvidia-cuda-nvcc nvidia-cuda-runtime)"}`,
  () => {
    const compile = (name: string, ...architectures: number[]): string => {
      const targets = architectures.map((each) => `-gencode=arch=compute_${each},code=sm_${each}`);
      const flags = [
        "-std=c++17",
        "-Werror",
        "all-warnings",
        "-Xptxas",
        "-v",
        "-c",
        "-o",
        join(folder, `${name}.o`),
      ];
      return run(nvcc!, ...flags, ...targets, join(kernels, name));
    };

    // Products of all types are the same source; it takes longest to compile.
    test.each(sources.filter((name) => !products.includes(name)))(
      "%s: for sm_80, sm_90 and sm_100, without warnings",
      (name) => {
        compile(name, 80, 90, 100);
      },
      300_000,
    );

    test.each(products)(
      "%s: for sm_90, without warnings, and with all sums in registers",
      (name) => {
        const spilled = [...compile(name, 90).matchAll(/(\d+) bytes spill stores/g)].map(([, bytes]) =>
          Number(bytes),
        );
        expect(spilled).toHaveLength(name.includes("Float32") ? 10 : 15);
        expect(spilled.every((bytes) => bytes === 0)).toBe(true);
      },
      300_000,
    );
  },
);
