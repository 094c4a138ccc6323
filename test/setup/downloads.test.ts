import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { freshCheckout, machine, real, setUp, temporaryFolder } from "./checkout.js";

describe("npm", () => {
  it("that reaches no server is one error with the cause", async () => {
    const checkout = freshCheckout();
    const closed = "http://127.0.0.1:9";
    const ended = await setUp(checkout, {
      npm_config_proxy: closed,
      npm_config_https_proxy: closed,
      npm_config_noproxy: "",
      npm_config_cache: temporaryFolder(),
      npm_config_fetch_retries: "0",
    });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/cause: npm could not install the packages: the connection was refused/);
    expect(ended.stderr).toMatch(/fix: {3}check the proxy settings/);
    const log = ended.stderr.match(/log: {3}(\S+)/)?.[1] ?? "";
    expect(readFileSync(log, "utf8")).toMatch(/ECONNREFUSED/);
    expect(existsSync(join(checkout, ".moelab", "stamps", "packages"))).toBe(false);
  });

  it("shows its whole output on a build machine, which keeps no log file", async () => {
    const ended = await setUp(freshCheckout(), {
      CI: "true",
      npm_config_proxy: "http://127.0.0.1:9",
      npm_config_https_proxy: "http://127.0.0.1:9",
      npm_config_noproxy: "",
      npm_config_cache: temporaryFolder(),
      npm_config_fetch_retries: "0",
    });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^\$ npm ci[\s\S]*ECONNREFUSED[\s\S]*set-up stopped/m);
  });
});

describe("pip", () => {
  const nothing = { PIP_NO_INDEX: "1", PIP_CONFIG_FILE: "/dev/null", PIP_FIND_LINKS: "/nonexistent-wheels" };

  it("that finds nothing is one error; the environment made before stays for the next try", async () => {
    const checkout = freshCheckout({ installed: true });
    // What an interruption leaves: an environment with a settings file and no pip.
    const half = join(checkout, ".moelab", "python");
    mkdirSync(join(half, "bin"), { recursive: true });
    writeFileSync(join(half, "pyvenv.cfg"), "home = /nowhere\n");

    const ended = await setUp(checkout, nothing);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(
      /cause: pip could not install setup\/requirements.txt: pip finds no torch==2\.13\.\*/,
    );
    expect(ended.stderr).toMatch(/fix: {3}check PIP_INDEX_URL/);
    expect(existsSync(join(half, "bin", "python"))).toBe(true);
    expect(readFileSync(join(half, "pyvenv.cfg"), "utf8")).not.toMatch(/nowhere/);

    const again = await setUp(checkout, nothing);
    expect(again.code).toBe(1);
    // The steps that succeeded are not run again.
    expect(again.stderr).not.toMatch(/npm packages|private Python environment/);
  });
});

describe("venv", () => {
  it("that fails half-way is one error and leaves nothing half-made", async () => {
    const checkout = freshCheckout({ installed: true });
    const broken = 'mkdir -p "$3/bin"; echo "Error: Command died with signal 9" >&2; exit 1';
    const python3 = `if [ "$2" = venv ]; then ${broken}; fi; ${real("python3")} "$@"`;
    const ended = await setUp(checkout, machine({ instead: { python3 } }));
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/cause: python3 -m venv could not make .*[\s\S]*died with signal 9/);
    expect(ended.stderr).toMatch(/fix: {3}install Python's venv module/);
    expect(existsSync(join(checkout, ".moelab", "python"))).toBe(false);
  });
});
