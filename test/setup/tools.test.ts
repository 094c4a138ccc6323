import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { freshCheckout, machine, real, setUp } from "./checkout.js";

const cases = [
  { without: ["cmake"], says: /CMake is not installed/, fix: /cmake/ },
  {
    without: ["c++", "g++", "clang++"],
    says: /a C\+\+ compiler .* is not installed/,
    fix: /g\+\+|gcc-c\+\+|llvm/,
  },
  { without: ["python3"], says: /Python 3 is not installed/, fix: /python/ },
  { without: ["make", "ninja"], says: /make or ninja is not installed/, fix: /make|ninja/ },
  { without: ["npm"], says: /npm is not installed/, fix: /npm|node/ },
];

describe("a machine without a tool", () => {
  for (const { without, says, fix } of cases) {
    it(`is told that ${without.join(", ")} is missing, before anything is downloaded`, async () => {
      const checkout = freshCheckout();
      const ended = await setUp(checkout, machine({ without }));
      expect(ended.code).toBe(1);
      expect(ended.stderr).toMatch(says);
      expect(ended.stderr.split("fix:")[1]).toMatch(fix);
      expect(ended.stderr).not.toMatch(/^\s+at /m);
      expect(existsSync(join(checkout, "node_modules"))).toBe(false);
    });
  }

  it("is told everything that is missing at once", async () => {
    const ended = await setUp(freshCheckout(), machine({ without: ["cmake", "python3", "c++", "g++"] }));
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/Python 3 is not.*C\+\+ compiler.*CMake is not/);
    // A missing venv module is not reported beside a missing Python.
    expect(ended.stderr).not.toMatch(/venv module/);
  });

  it("is told that its Python is too old", async () => {
    const python3 = 'case "$2" in *python_version*) echo 3.8.10;; esac';
    const ended = await setUp(freshCheckout(), machine({ instead: { python3 } }));
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/Python 3 is too old \(3\.10 or newer is needed, this is 3\.8\.10\)/);
  });

  it("is told that its Python has no venv module", async () => {
    const missing = `echo "ModuleNotFoundError: No module named 'ensurepip'" >&2; exit 1`;
    const python3 = `case "$2" in *ensurepip*) ${missing};; esac; ${real("python3")} "$@"`;
    const ended = await setUp(freshCheckout(), machine({ instead: { python3 } }));
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/venv module does not work \(.*No module named 'ensurepip'\)/);
    expect(ended.stderr.split("fix:")[1]).toMatch(/python/);
  });
});
