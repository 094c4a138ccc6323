import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { freshCheckout, node, project, setUp, temporaryFolder } from "./checkout.js";

function libtorchFolder({ version = "2.13.0", library = "this is no library" } = {}): string {
  const folder = temporaryFolder();
  const [major, minor, patch] = version.split(".");
  const files = {
    "include/torch/headeronly/version.h":
      `#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n` +
      `#define TORCH_VERSION_PATCH ${patch}\n`,
    "lib/libtorch.so": library,
    "share/cmake/Torch/TorchConfig.cmake": "",
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

describe.runIf(process.platform === "linux")("a libtorch of the user's own", () => {
  it("that does not exist is one error", async () => {
    const ended = await setUp(freshCheckout(), { LIBTORCH: "/no/such/libtorch" });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/cause: LIBTORCH=\/no\/such\/libtorch: there is no such folder/);
    expect(ended.stderr).toMatch(/fix: {3}point LIBTORCH at an unpacked libtorch 2\.13, or unset LIBTORCH/);
  });

  it("that is another folder is told by what it lacks", async () => {
    const ended = await setUp(freshCheckout(), { LIBTORCH: project });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/is not a libtorch folder: include, lib\/libtorch\.so, share\/cmake\/Torch/);
  });

  it("of another version is refused", async () => {
    const ended = await setUp(freshCheckout(), { LIBTORCH: libtorchFolder({ version: "2.4.1" }) });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/is libtorch 2\.4\.1, but the engine is written for 2\.13/);
  });

  it("that does not load is reported with the loader's reason", async () => {
    const ended = await setUp(freshCheckout(), { LIBTORCH: libtorchFolder() });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(
      /cause: libtorch 2\.13\.0 in .* does not load: .*(invalid ELF header|file too short)/,
    );
    expect(ended.stderr).toMatch(/fix: {3}point LIBTORCH at a libtorch 2\.13 built for this system/);
  });

  it("that loads is taken; the private environment's is found without being named", async () => {
    const load = `import { libtorch, locate } from "${join(project, "setup/steps/libtorch.mjs")}";
      console.log(await libtorch.run({ now() {} })); console.log(locate().folder);`;
    const found = await node(project, ["--input-type=module", "-e", load]).ended;
    expect(found.stderr).toBe("");
    expect(found.stdout).toMatch(/^2\.13\.\d+ in .*site-packages\/torch\n/);
    const LIBTORCH = found.stdout.trim().split("\n")[1];
    const given = await node(project, ["--input-type=module", "-e", load], { LIBTORCH }).ended;
    expect(given.stdout).toBe(found.stdout);
  });
});
