import { expect, it } from "vitest";
import { cellParts, typescriptOf } from "../../../kernel/magics/cellParts.js";
import { mayHoldMagics } from "../../../kernel/magics/cellText.js";
import { words } from "../../../kernel/magics/words.js";

/** The parts in short: code without its blank beginning, magics with their mark and argument. */
function parts(code: string): string[] {
  expect(mayHoldMagics(code)).toBe(true);
  return cellParts(code).parts.map((part) =>
    part.type === "code" ? part.code.trim() : `${part.mark}${part.name}@${part.line} ${part.argument}`.trim(),
  );
}

it.each([
  ["%env A=1\nlet a = 1;\n\n%time a\na", ["%env@0 A=1", "let a = 1;", "%time@3 a", "a"]],
  ["  %env\n", ["%env@0"]],
  ["// first\n%cd /tmp", ["%cd@1 /tmp"]],
  ["%env A=1\r\nb?\r\nc", ["%env@0 A=1", "?b@1", "c"]],
  ["%%bash\r\nls\r\n", ["%%bash@0"]],
  // A remainder, or part of something else.
  ["a\n%b", ["a\n%b"]],
  ["a\n% time", undefined],
  ["`\n%env\n`", ["`\n%env\n`"]],
  ["/*\n%env\n*/", []],
  ["f(\n%env)", ["f(\n%env)"]],
  ["%envy", ["%envy@0"]],
  ["a;\n%tiem f()", ["a;", "%tiem@1 f()"]],
  // Statements behind %time go on over lines.
  ["%time f({\n  a,\n})\nb", ["%time@0 f({", "b"]],
  ["%%bash\necho 1\n%env", ["%%bash@0"]],
  ["\n// note\n%%time\n1", ["%%time@2"]],
  ["a;\n%%time", ["a;\n%%time"]],
  // Questions.
  ["?a.b", ["?a.b@0"]],
  ["a.b?", ["?a.b@0"]],
  ["f()\na ?\ng()", ["f()", "?a@1", "g()"]],
  ["const x = y\n  ?a\n  :b", ["const x = y\n  ?a\n  :b"]],
  ["y ?\n 1 : 2", ["y ?\n 1 : 2"]],
])("%j is divided", (code, expected) => {
  if (expected) expect(parts(code)).toEqual(expected);
  else expect(mayHoldMagics(code)).toBe(false);
});

it("leaves every position of the code as it is", () => {
  const code = "// @ts-nocheck\n%env\nlet a = 1;\r\n  %time a.b({\n})\n%env\nc";
  for (const part of cellParts(code).parts) {
    const text = part.type === "code" ? part.code : part.body;
    expect(text.startsWith("// @ts-nocheck") || text === "").toBe(true);
    for (const { index, 0: word } of text.matchAll(/\S+/g))
      expect(code.slice(index).startsWith(word)).toBe(true);
  }
  expect(typescriptOf(code)).toBe("// @ts-nocheck\n    \nlet a = 1;\r\n        a.b({\n})\n    \nc");
  expect(typescriptOf("%%bash\necho a")).toBe("      \n      ");
  expect(typescriptOf("%%time\na.b")).toBe("      \na.b");
});

it("finds no magics in ordinary code", () => {
  expect(mayHoldMagics("const a = b % c;\nx = y ? 1 : 2;\nq?.z;\nlet o: { a?: 1 };")).toBe(false);
});

it("divides arguments as a shell does", () => {
  expect(words('add a@1  \'b c\' "d \\"e" f\\ g')).toEqual(["add", "a@1", "b c", 'd "e', "f g"]);
  expect(words("")).toEqual([]);
});
