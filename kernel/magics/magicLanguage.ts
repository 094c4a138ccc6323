import type { Completeness, Completion, CompletionResult, Inspection } from "../cells/compiler.js";
import { type CellPart, cellParts, type DividedCell, typescriptOf } from "./cellParts.js";
import { mayHoldMagics } from "./cellText.js";
import type { MagicDescription } from "./magic.js";
import { magicForm } from "./magicForm.js";
import { cellMagic, cellMagics, lineMagic, lineMagics } from "./table.js";

/** What is asked about the text of cells. */
interface Language {
  complete(code: string, cursor: number): CompletionResult;
  inspect(code: string, cursor: number): Inspection | null;
  isComplete(code: string): Completeness;
}

/** Knows TypeScript with magics, given one that knows TypeScript. Lives in the compiler process. */
export class MagicLanguage {
  readonly #typescript: Language;

  constructor(typescript: Language) {
    this.#typescript = typescript;
  }

  divide(code: string): DividedCell {
    return cellParts(code);
  }

  complete(code: string, cursor: number): CompletionResult {
    const line = lineBefore(code, cursor);
    const name = /^\s*(%%?)(\w*)$/.exec(line);
    if (name) return completeName(code, cursor, name[1] as "%" | "%%", name[2]);
    if (!mayHoldMagics(code)) return this.#typescript.complete(code, cursor);
    const own = completeArgument(line, cursor);
    if (own) return own;
    const asked = /^(\s*\?\s*)[\w$.]*$/.exec(line);
    if (!asked) return this.#typescript.complete(typescriptOf(code), cursor);
    const start = cursor - line.length + asked[1].length;
    const { completions, ...span } = this.#typescript.complete(code.slice(start, cursor), cursor - start);
    return { start: span.start + start, end: span.end + start, completions };
  }

  inspect(code: string, cursor: number): Inspection | null {
    if (!mayHoldMagics(code)) return this.#typescript.inspect(code, cursor);
    const line = lineBefore(code, cursor) + /^[^\n]*/.exec(code.slice(cursor))![0];
    const name = /^\s*(%%?)(\w+)/.exec(line);
    const column = lineBefore(code, cursor).length;
    if (name && column <= name[0].length) {
      const mark = name[1] as "%" | "%%";
      const magic = mark === "%" ? lineMagic(name[2]) : cellMagic(name[2]);
      if (magic) return { signature: magicForm(mark, magic), documentation: magic.summary };
    }
    const asked = /^(\s*\?\s*)([\w$.]+)/.exec(line);
    if (asked) return this.#typescript.inspect(asked[2], Math.max(0, column - asked[1].length));
    return this.#typescript.inspect(typescriptOf(code), cursor);
  }

  isComplete(code: string): Completeness {
    if (!mayHoldMagics(code)) return this.#typescript.isComplete(code);
    const { parts } = cellParts(code);
    const [first] = parts;
    if (first?.type === "magic" && first.mark === "%%") return this.#isBodyComplete(first.name, first.body);
    if (parts.every((part) => part.type === "code")) return this.#typescript.isComplete(code);
    return this.#isCodeComplete(parts);
  }

  /** A blank line ends a body in another language; one of TypeScript ends where TypeScript does. */
  #isBodyComplete(name: string, body: string): Completeness {
    const magic = cellMagic(name);
    if (!magic) return { status: "invalid" };
    if (body.trim() === "") return { status: "incomplete", indent: "" };
    if (magic.body === "typescript") return this.isComplete(body);
    return /\n[ \t]*$/.test(body) ? { status: "complete" } : { status: "incomplete", indent: "" };
  }

  #isCodeComplete(parts: CellPart[]): Completeness {
    for (const part of parts) {
      const completeness = this.#typescript.isComplete(part.type === "code" ? part.code : part.body);
      if (completeness.status !== "complete") return completeness;
    }
    return { status: "complete" };
  }
}

function lineBefore(code: string, cursor: number): string {
  return code.slice(code.lastIndexOf("\n", cursor - 1) + 1, cursor);
}

function completeName(code: string, cursor: number, mark: "%" | "%%", typed: string): CompletionResult {
  const named = (marked: "%" | "%%", magics: readonly MagicDescription[]): Completion[] =>
    magics
      .filter(({ name }) => name.startsWith(typed))
      .map(({ name }) => ({ text: `${marked}${name}`, kind: "magic" }));
  const start = cursor - typed.length - mark.length;
  const mayBeCell = code.slice(0, start).trim() === "";
  const lines = mark === "%" ? named("%", lineMagics) : [];
  const cells = mayBeCell && (mark === "%%" || typed === "") ? named("%%", cellMagics) : [];
  const end = cursor + /^\w*/.exec(code.slice(cursor))![0].length;
  return { start, end, completions: [...lines, ...cells] };
}

/** What may stand in the argument of a magic whose argument is no code; undefined when it is code. */
function completeArgument(line: string, cursor: number): CompletionResult | undefined {
  const found = /^\s*%(\w+)\s+(.*)$/.exec(line);
  const magic = found && lineMagic(found[1]);
  if (!magic || magic.around) return undefined;
  const typed = found[2];
  const texts = (magic.complete?.(typed) ?? []).filter((text) => text.startsWith(typed));
  const completions = texts.map((text) => ({ text, kind: "" }));
  return { start: cursor - typed.length, end: cursor, completions };
}
