import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { freshCheckout, node, project } from "./checkout.js";

function run(checkout: string, step: string) {
  const body = `import { ${step} } from "./setup/steps/${step}.mjs"; import { main } from "./setup/error.mjs";
    await main(async () => console.log(await ${step}.run({ now() {} })) );`;
  return node(checkout, ["--input-type=module", "-e", body]).ended;
}

describe("sources that do not build", () => {
  it("in TypeScript are shown with file and line", async () => {
    const checkout = freshCheckout({ installed: true });
    mkdirSync(join(checkout, "kernel"));
    writeFileSync(join(checkout, "kernel", "cli.ts"), 'export const port: number = "four";\n');
    const ended = await run(checkout, "typescript");
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/do not compile, 1 errors?:\n\s+kernel\/cli\.ts\(1,14\): error TS2322/);
  });

  it("in C++ are shown with the compiler's first error", async () => {
    const checkout = freshCheckout({ installed: true });
    mkdirSync(join(checkout, ".moelab"));
    symlinkSync(join(project, ".moelab", "python"), join(checkout, ".moelab", "python"));
    mkdirSync(join(checkout, "native"));
    const cmake =
      "cmake_minimum_required(VERSION 3.18)\nproject(moelab CXX)\nadd_library(moelab SHARED broken.cc)\n";
    writeFileSync(join(checkout, "native", "CMakeLists.txt"), cmake);
    writeFileSync(join(checkout, "native", "package.json"), '{ "binary": { "napi_versions": [9] } }');
    writeFileSync(join(checkout, "native", "broken.cc"), "int answer() { return missing; }\n");
    const ended = await run(checkout, "addon");
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(
      /the native engine did not build: .*broken\.cc:1:\d+: error: .missing. was not declared/,
    );
    expect(ended.stderr).toMatch(/log: {3}.*addon\.log/);
  });
});
