import { completenessOf } from "../cells/completeness.js";
import { typescript as ts } from "../cells/typescript.js";
import { blank, headEnd, only } from "./cellText.js";
import { cellMagic, lineMagic } from "./table.js";

/** A stretch of TypeScript. Everything else in it is blank, so that its positions are those of the cell. */
export interface CodePart {
  type: "code";
  code: string;
}

export interface MagicPart {
  type: "magic";
  /** `?` stands for `?name` and `name?`. */
  mark: "%" | "%%" | "?";
  name: string;
  argument: string;
  /** Zero-based line of the magic. */
  line: number;
  /** The lines below a cell magic, or the code that a line magic takes; positions are those of the cell. */
  body: string;
  /** The same, divided, where it is TypeScript. */
  parts: CellPart[];
}

export type CellPart = CodePart | MagicPart;

export interface DividedCell {
  /** In their order. */
  parts: CellPart[];
  /** Whether the text is TypeScript as it stands. */
  plain: boolean;
}

const lineForm = /^([ \t]*)%([A-Za-z_]\w*)(?![\w$])(.*)$/;
const cellForm = /^%%([A-Za-z_]\w*)(.*)$/;
const asked = /^[ \t]*(?:\?[ \t]*([\w$.]+)|([\w$.]+)[ \t]*\?)[ \t]*;?[ \t]*$/;

function faultsOf(code: string): { start: number }[] {
  return ts.createSourceFile("cell.ts", code, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS)
    .parseDiagnostics;
}

function isComplete(code: string): boolean {
  return completenessOf(code).status === "complete";
}

/**
 * Divides a cell into its magics and the code between them. `%name` at the start of a line is a magic where a statement
 * may begin, if the name is known or the text is no TypeScript otherwise; else it is a remainder. `?` belongs to an
 * operator wherever that makes sense.
 */
export function cellParts(code: string): DividedCell {
  const plain = faultsOf(code).length === 0;
  const head = headEnd(code);
  const unchecked = /@ts-nocheck/.test(code.slice(0, head)) ? head : 0;
  /** The first comment of the cell holds for all its parts. */
  const part = (start: number, end: number): string =>
    code.slice(0, Math.min(unchecked, start)) + only(code, start, end).slice(Math.min(unchecked, start));

  const lineStart = code.lastIndexOf("\n", head - 1) + 1;
  const first = cellForm.exec(withoutReturn(lineAt(code, lineStart)));
  if (first) {
    const [text, name, argument] = first;
    const bodyStart = Math.min(code.length, lineStart + text.length);
    const line = lineOf(code, lineStart);
    const body = part(bodyStart, code.length);
    const within = cellMagic(name)?.around ? cellParts(body).parts : [];
    const magic = { mark: "%%" as const, name, argument: argument.trim(), line, body, parts: within };
    return { plain, parts: [{ type: "magic", ...magic }] };
  }

  const parts: CellPart[] = [];
  let start = 0;
  const addCode = (end: number) => {
    const text = code.slice(start, end);
    if (headEnd(text) < text.length) parts.push({ type: "code", code: part(start, end) });
  };
  for (let at = 0, line = 0; at <= code.length; line++) {
    const text = lineAt(code, at);
    const found = at >= start ? magicAt(text, at) : undefined;
    if (found) {
      addCode(at);
      const end = found.codeFrom === undefined ? at + text.length : codeEnd(found.codeFrom);
      const body = found.codeFrom === undefined ? "" : part(found.codeFrom, end);
      const { mark, name, argument } = found;
      const within: CellPart[] = body.trim() === "" ? [] : [{ type: "code", code: body }];
      parts.push({ type: "magic", mark, name, argument, line, body, parts: within });
      start = end;
    }
    at += text.length + 1;
  }
  addCode(code.length);
  return { plain, parts };

  function magicAt(text: string, at: number) {
    const percent = lineForm.exec(withoutReturn(text));
    if (percent) {
      const [, indent, name, argument] = percent;
      const magic = lineMagic(name);
      if (!isComplete(code.slice(start, at))) return undefined;
      if (!magic && headEnd(code.slice(start, at)) < at - start && !faultIn(at, at + text.length))
        return undefined;
      const codeFrom = magic?.around ? at + indent.length + 1 + name.length : undefined;
      return { mark: "%" as const, name, argument: argument.trim(), codeFrom };
    }
    const question = asked.exec(withoutReturn(text));
    if (!question || !isComplete(code.slice(start, at))) return undefined;
    if (faultsOf(only(code, start, code.length)).length === 0) return undefined;
    return { mark: "?" as const, name: question[1] ?? question[2], argument: "", codeFrom: undefined };
  }

  function faultIn(from: number, to: number): boolean {
    return faultsOf(only(code, start, code.length)).some((fault) => fault.start >= from && fault.start <= to);
  }

  /** A statement may go on over lines. */
  function codeEnd(from: number): number {
    for (let at = from; ; at++) {
      const newline = code.indexOf("\n", at);
      if (newline < 0) return code.length;
      if (completenessOf(code.slice(from, newline)).status !== "incomplete") return newline;
      at = newline;
    }
  }
}

/**
 * The TypeScript of a cell, with its magics blank: what completion and inspection look at. Bodies in other languages are
 * blank, too.
 */
export function typescriptOf(code: string): string {
  const result = blank(code).split("");
  for (const each of cellParts(code).parts) {
    if (each.type === "magic" && each.mark === "%%" && cellMagic(each.name)?.body !== "typescript") continue;
    const text = each.type === "code" ? each.code : each.body;
    for (let at = 0; at < text.length; at++) if (result[at] === " ") result[at] = text[at];
  }
  return result.join("");
}

function lineAt(code: string, at: number): string {
  const end = code.indexOf("\n", at);
  return code.slice(at, end < 0 ? code.length : end);
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

function lineOf(code: string, at: number): number {
  return code.slice(0, at).split("\n").length - 1;
}
