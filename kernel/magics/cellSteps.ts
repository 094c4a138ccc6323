import { cellGlobal } from "../cells/cellGlobal.js";
import type { CompiledCell } from "../cells/compiler.js";
import type { CellPart, MagicPart } from "./cellParts.js";
import { inspectName } from "./inspectName.js";
import { type MagicCell, MagicError } from "./magic.js";
import { cellMagic, lineMagic, unknownMagic } from "./table.js";

export interface CodeStep {
  type: "code";
  code: string;
  unchecked: boolean;
  startsTime: boolean;
  printsTime: boolean;
  compiled?: { compiled: CompiledCell; partName: string };
}

interface MagicStep {
  type: "magic";
  /** Zero-based, of the magic. */
  line: number;
  changesScope: boolean;
  run(cell: MagicCell): Promise<void>;
}

interface JavascriptStep {
  type: "javascript";
  javascript: string;
}

/** What is done for a cell, one step after another. */
export type CellStep = CodeStep | MagicStep | JavascriptStep;

/**
 * Reads the arguments of all magics; nothing runs yet.
 *
 * @param reading is told the line of each magic before it is read
 * @throws MagicError
 */
export function stepsOf(parts: readonly CellPart[], reading: (line: number) => void): CellStep[] {
  return parts.flatMap((part) => {
    if (part.type === "code") return [codeStep(part.code)];
    reading(part.line);
    return magicSteps(part, reading);
  });
}

function codeStep(code: string): CodeStep {
  return { type: "code", code, unchecked: false, startsTime: false, printsTime: false };
}

function magicSteps(part: MagicPart, reading: (line: number) => void): CellStep[] {
  const { mark, name, argument, line, body, parts } = part;
  if (mark === "?") {
    return [{ type: "magic", line, changesScope: false, run: (cell) => inspectName(name, cell) }];
  }
  const magic = mark === "%" ? lineMagic(name) : cellMagic(name);
  if (!magic) throw unknownMagic(mark, name);
  if (magic.around === undefined) {
    const call = magic.read(argument, body);
    const changesScope = "changesScope" in magic && magic.changesScope === true;
    return [{ type: "magic", line, changesScope, run: (cell) => magic.run(call, cell) }];
  }
  if (mark === "%%" && argument !== "" && magic.argument === "") {
    throw new MagicError(`%%${name}: expected the code in the lines below, got ${argument} as well.`);
  }
  const steps = stepsOf(parts, reading);
  if (steps.length === 0)
    throw new MagicError(
      `${mark}${name}: expected ${mark === "%" ? "a statement" : "code below"}, got nothing.`,
    );
  if (magic.around.unchecked) for (const step of steps) if (step.type === "code") step.unchecked = true;
  return magic.around.measured ? measured(steps) : steps;
}

/** The clock starts with the first step and is read at the end of the last. */
function measured(steps: CellStep[]): CellStep[] {
  const [first] = steps;
  const last = steps.at(-1)!;
  const call = (name: string): JavascriptStep => ({
    type: "javascript",
    javascript: `${cellGlobal}.magics.${name}()`,
  });
  if (first.type === "code") first.startsTime = true;
  if (last.type === "code") last.printsTime = true;
  return [
    ...(first.type === "code" ? [] : [call("startTime")]),
    ...steps,
    ...(last.type === "code" ? [] : [call("printTime")]),
  ];
}
