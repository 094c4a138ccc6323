import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { installationFolder } from "../installation.js";
import { withAbsoluteImports } from "./absoluteImports.js";
import { ambientDeclarations } from "./ambient.js";
import { addBoundNames } from "./boundNames.js";
import type {
  CellDiagnostic,
  CellPosition,
  CompileOptions,
  CompileOutcome,
  Completeness,
  CompletionResult,
  FaultyCell,
  Inspection,
} from "./compiler.js";
import type { CompilerState } from "./compilerRequests.js";
import { completenessOf, isParsable } from "./completeness.js";
import { emit, emitExpression } from "./emit.js";
import { withoutExports } from "./exports.js";
import { findJsx, jsxCode, jsxMessage } from "./jsx.js";
import { withForgotten } from "./keptDeclarations.js";
import { LeanCells } from "./leanCells.js";
import { consoleTypes, leanConsole, leanFiles } from "./leanLibrary.js";
import { saysNoCheck } from "./noCheck.js";
import { InstalledFiles } from "./sourceFiles.js";
import { typescript as ts } from "./typescript.js";
import {
  type Conversion,
  type Converter,
  type ConverterSettings,
  createConverter,
  displayText,
} from "./typescriptForTslab.js";

/** Faults that would stop cells which run well: a package without types is `any`. */
const ignoredCodes = new Set([7016]);

/** Faults that may go away when a package is installed or a file is written. */
const unresolvedCodes = new Set([2307, 2792]);

/** Faults with which a cell would hardly run: there is no such name, module or export. */
const missingCodes = new Set([...unresolvedCodes, 2304, 2305, 2552, 2724]);

/** moelab's own API, which cells import from wherever they are. */
const apiDeclarations = path.join(installationFolder, "dist", "src", "index.d.ts");

const load = createRequire(import.meta.url);

/** Node's types as moelab depends on them. */
const nodeTypes = path.dirname(load.resolve("@types/node/package.json"));

/** Files that all converters of the process share. */
export const installed = new InstalledFiles([
  path.join(path.dirname(load.resolve("typescript/package.json")), "lib"),
  nodeTypes,
  path.join(nodeTypes, "..", "..", "undici-types"),
  path.dirname(apiDeclarations),
  // What cells find on `globalThis`.
  import.meta.dirname,
]);

/** `@types` beside the notebook first, if they include Node's; else those that moelab itself depends on. */
function typeRoots(directory: string): string[] {
  for (let current = directory; ; current = path.dirname(current)) {
    const root = path.join(current, "node_modules", "@types");
    if (existsSync(path.join(root, "node", "package.json"))) return [root];
    if (current === path.dirname(current)) break;
  }
  return [path.dirname(nodeTypes)];
}

/** Node's declarations of `console`; an image that holds some of them is to know when they change. */
function consoleSource(): any {
  const file = consoleTypes(nodeTypes);
  return installed.get(file, () =>
    ts.createSourceFile(file, ts.sys.readFile(file) ?? "", ts.ScriptTarget.Latest),
  );
}

function toDiagnostics(found: Conversion["diagnostics"]): CellDiagnostic[] {
  const diagnostics: CellDiagnostic[] = [];
  for (const { start, end, messageText, code, fileName } of found) {
    if (ignoredCodes.has(code)) continue;
    const last = diagnostics.at(-1);
    const diagnostic: CellDiagnostic = {
      code,
      message: messageText,
      start: { line: start.line, column: start.character },
      end: { line: end.line, column: end.character },
      fileName,
    };
    // The converter flattens a message and its explanations; put them together again.
    const explains =
      last !== undefined &&
      last.start.line === diagnostic.start.line &&
      last.start.column === diagnostic.start.column &&
      last.end.line === diagnostic.end.line &&
      last.end.column === diagnostic.end.column;
    if (explains) last.message += `\n    ${messageText}`;
    else diagnostics.push(diagnostic);
  }
  return diagnostics;
}

/** Declarations of type `any` for all that a cell declares; for types that TypeScript cannot write down. */
function untypedDeclarations(code: string): string {
  const file = ts.createSourceFile("cell.ts", code, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const lines: string[] = [];
  const declare = (name: any) => {
    const names = new Set<string>();
    addBoundNames(name, names);
    for (const each of names) lines.push(`declare let ${each}: any;`);
  };
  for (const statement of file.statements) {
    if (ts.isVariableStatement(statement)) {
      for (const declaration of statement.declarationList.declarations) declare(declaration.name);
    } else if (ts.isFunctionDeclaration(statement) && statement.name) declare(statement.name);
    else if (ts.isClassDeclaration(statement) && statement.name) {
      declare(statement.name);
      lines.push(`declare type ${statement.name.text} = any;`);
    } else if (
      ts.isInterfaceDeclaration(statement) ||
      ts.isTypeAliasDeclaration(statement) ||
      ts.isEnumDeclaration(statement) ||
      ts.isImportDeclaration(statement)
    ) {
      lines.push(statement.getText(file));
    }
  }
  return `${lines.join("\n")}\n`;
}

function faulty(diagnostics: CellDiagnostic[], code: string): FaultyCell {
  const parsable = isParsable(code);
  const jsx = parsable ? undefined : findJsx(code);
  if (jsx) {
    const [start, end] = [positionOf(code, jsx.start), positionOf(code, jsx.end)];
    return {
      ok: false,
      diagnostics: [{ code: jsxCode, message: jsxMessage, start, end }],
      runsUnchecked: false,
    };
  }
  const hopeless = diagnostics.some(({ code: fault }) => isGrammar(fault) || missingCodes.has(fault));
  return { ok: false, diagnostics, runsUnchecked: parsable && !hopeless };
}

/** TypeScript numbers faults of grammar, such as a `return` outside of functions, from 1000 on. */
function isGrammar(code: number): boolean {
  return code < 2000;
}

function positionOf(code: string, offset: number): CellPosition {
  const before = code.slice(0, offset).split("\n");
  return { line: before.length - 1, column: before.at(-1)!.length };
}

export interface TslabCompilerOptions {
  /** Whether {@link TslabCompiler.inspect} is to give documentation comments. */
  documentation: boolean;
  /**
   * Knows neither Node's types nor packages, and compiles only what they could not matter to: the first cells, while
   * a compiler that knows them gets ready.
   */
  lean?: boolean;
}

/** {@link CellCompiler} over tslab's converter, in the process that calls it, whose working directory it takes along. */
export class TslabCompiler {
  /** Where the session started. */
  readonly #home: string;
  #directory: string;
  #typeRoots: string[] = [];
  readonly #documentation: boolean;
  readonly #leanCells: LeanCells | undefined;
  #converter: Converter;
  #declarations = ambientDeclarations;
  readonly #shadowedGlobals = new Set<string>();
  #state: CompilerState = { declarations: "", shadowedGlobals: [], directory: "" };
  #warm = false;
  /** An import failed; TypeScript remembers that, so the next request is to look again. */
  #unresolved = false;

  constructor(directory: string, { documentation, lean = false }: TslabCompilerOptions) {
    this.#home = directory;
    this.#directory = directory;
    this.#documentation = documentation;
    if (lean) this.#leanCells = new LeanCells();
    this.#converter = this.#open();
  }

  /** What another compiler needs to go on from here; the same object as long as nothing changes. */
  get state(): CompilerState {
    const { declarations, shadowedGlobals, directory } = this.#state;
    if (
      declarations !== this.#declarations ||
      shadowedGlobals.length !== this.#shadowedGlobals.size ||
      directory !== this.#directory
    ) {
      this.#state = {
        declarations: this.#declarations,
        shadowedGlobals: [...this.#shadowedGlobals],
        directory: this.#directory,
      };
    }
    return this.#state;
  }

  restore({ declarations, shadowedGlobals, directory }: CompilerState): void {
    this.reset();
    if (directory !== this.#directory) this.lookFrom(directory);
    this.#declarations = declarations;
    for (const name of shadowedGlobals) this.#shadowedGlobals.add(name);
  }

  /** Loads what the first cell needs; better before it comes. */
  warmUp(): void {
    this.#warm = true;
    this.#converter.convert(this.#declarations, "1;");
  }

  /** Ends this compiler: what it parsed serves later ones of the process, what it checked is forgotten. */
  handOver(): void {
    this.#converter.handOver();
  }

  /** For times without requests: work that the next one would have to wait for. */
  tidy(): void {
    if (!this.#warm) this.warmUp();
    // Collected while cells are checked, the same garbage doubles the time of every third.
    (globalThis as any).gc?.({ type: "minor" });
  }

  /** Whether it is for cells alone, and not for all of them. */
  get lean(): boolean {
    return this.#leanCells !== undefined;
  }

  /** Undefined when the compiler is a lean one, and the cell is for another. */
  compile(source: string, cellName: string, options: CompileOptions = {}): CompileOutcome | undefined {
    this.#warm = true;
    const code = withoutExports(source);
    const { unchecked = saysNoCheck(source) } = options;
    const { lean } = this;
    if (lean && (unchecked || !this.#isLeanCell(code))) return undefined;
    const converter = this.#readyConverter();
    const { declOutput, diagnostics: found } = converter.convert(this.#declarations, code, !unchecked);
    this.#unresolved = found.some((diagnostic) => unresolvedCodes.has(diagnostic.code));
    if (lean && found.length > 0) return undefined;
    const diagnostics = toDiagnostics(found);
    if (diagnostics.length > 0) return faulty(diagnostics, code);
    const declarations = this.#keep(declOutput, code, found.length > 0);
    this.#declarations = withForgotten(declarations, this.#declarations, code);
    return { ok: true, cell: emit(code, cellName, this.#shadowedGlobals) };
  }

  complete(code: string, cursor: number): CompletionResult {
    const { start, end, candidates, original } = this.#readyConverter().complete(
      this.#declarations,
      code,
      cursor,
    );
    const kinds = new Map((original?.entries ?? []).map((entry) => [entry.name, entry.kind as string]));
    // tslab also offers names that merely contain what was typed; clients expect continuations of it.
    const typed = code.slice(start, cursor);
    const completions = candidates
      .filter((text) => text.startsWith(typed))
      .map((text) => ({ text, kind: kinds.get(text) ?? "" }));
    return { start, end, completions };
  }

  inspect(code: string, cursor: number): Inspection | null {
    const converter = this.#readyConverter();
    const info =
      converter.inspect(this.#declarations, code, cursor) ??
      (cursor > 0 ? converter.inspect(this.#declarations, code, cursor - 1) : undefined);
    // A name that TypeScript cannot resolve has a type, "any", and no declaration.
    if (!info || displayText(info.displayParts) === "any") return null;
    const tags = (info.tags ?? []).map(
      (tag: any) => `\n*@${tag.name}* ${typeof tag.text === "string" ? tag.text : displayText(tag.text)}`,
    );
    return {
      signature: displayText(info.displayParts),
      documentation: [displayText(info.documentation), ...tags].join("\n").trim(),
    };
  }

  toJavaScript(code: string): string {
    return emitExpression(code, this.#shadowedGlobals);
  }

  isComplete(code: string): Completeness {
    return completenessOf(code);
  }

  reset(): void {
    this.#declarations = ambientDeclarations;
    this.#shadowedGlobals.clear();
    if (this.#directory !== this.#home) this.lookFrom(this.#home);
  }

  /** Looks modules up anew, since there may be more of them; from `directory`, if it is given. */
  lookFrom(directory = this.#directory): void {
    this.#unresolved = true;
    if (directory === this.#directory && typeRoots(directory).join() === this.#typeRoots.join()) return;
    this.#declarations = withAbsoluteImports(this.#declarations, this.#directory);
    this.#directory = directory;
    process.chdir(directory);
    this.#converter = this.#open();
  }

  /** A notebook may have Node's types of its own, in which more could be different. */
  #isLeanCell(code: string): boolean {
    return this.#typeRoots[0] === path.dirname(nodeTypes) && this.#leanCells!.includes(code);
  }

  #open(): Converter {
    this.#typeRoots = typeRoots(this.#directory);
    const known: Pick<ConverterSettings, "paths" | "always" | "globals" | "types"> = this.#leanCells
      ? { paths: {}, always: leanFiles(nodeTypes), globals: leanConsole(consoleSource()), types: [] }
      : { paths: { moelab: [apiDeclarations] }, always: [apiDeclarations], globals: "", types: ["node"] };
    return createConverter({
      ...known,
      directory: this.#directory,
      typeRoots: this.#typeRoots,
      documentation: this.#documentation,
      installed,
    });
  }

  #readyConverter(): Converter {
    if (this.#unresolved) this.#converter.forgetImports();
    this.#unresolved = false;
    return this.#converter;
  }

  /** The converter writes "undefined" for declarations that TypeScript could not emit. */
  #keep(declOutput: string | undefined, code: string, unchecked: boolean): string {
    if (unchecked || declOutput === undefined) return untypedDeclarations(code) + this.#declarations;
    const missing = "undefined";
    if (!declOutput.startsWith(missing)) return declOutput;
    return untypedDeclarations(code) + declOutput.slice(missing.length);
  }
}
