import Module, { createRequire } from "node:module";
import path from "node:path";
import { CellPrograms } from "./cellPrograms.js";
import { withoutReprinting } from "./declarationPrinter.js";
import { ImportedFiles, type InstalledFiles } from "./sourceFiles.js";
import { typescript } from "./typescript.js";

/**
 * tslab's converter was written against a fork of TypeScript 5.0. It needs six things which stock TypeScript lacks
 * or spells differently; this file supplies them, so that the unmodified npm package runs over stock TypeScript, and
 * programs that take less time than those of TypeScript's watch mode. It is the only file that knows of the fork.
 */

const load = createRequire(import.meta.url);
/** The fork, as the converter imports it. */
export const forkName = "@tslab/typescript-for-tslab";

export interface ConverterSettings {
  /** Where the notebook lies. */
  directory: string;
  /** Module specifier → declaration file, for packages that are found outside the notebook's directory. */
  paths: Record<string, string[]>;
  /** Declaration files that are read at once, imported or not. */
  always: string[];
  /** Further declarations of globals. */
  globals: string;
  /** Packages of `@types` whose globals cells find. */
  types: string[];
  /** Folders that hold `@types` packages. */
  typeRoots: string[];
  /** Whether documentation comments are read; without, the first program takes a fifth less time. */
  documentation: boolean;
  /** Files that are shared with other converters of the process. */
  installed: InstalledFiles;
}

/** Whether faults of types are looked for. */
let checks = true;

/** Without the faults that only say that a declaration file cannot be written: a cell runs without one. */
function diagnosticsOf(program: any, files: any[]): any[] {
  return files.flatMap((file) => [
    ...program.getSyntacticDiagnostics(file),
    ...(checks ? program.getSemanticDiagnostics(file) : []),
  ]);
}

function completionsAt(
  _host: unknown,
  program: any,
  log: unknown,
  file: any,
  position: number,
  ...rest: any[]
) {
  const [preferences, trigger, kind, cancellation] = rest;
  const languageServiceHost = {
    ...typescript.sys,
    useCaseSensitiveFileNames: () => true,
    getCompilationSettings: () => program.getCompilerOptions(),
    getCurrentDirectory: () => program.getCurrentDirectory(),
    getScriptFileNames: () => program.getRootFileNames(),
  };
  return typescript.Completions.getCompletionsAtPosition(
    languageServiceHost,
    program,
    log,
    file,
    position,
    preferences,
    trigger,
    kind,
    cancellation,
    undefined,
    false,
  );
}

function quickInfoAt(file: any, checker: any, _cancellation: unknown, position: number) {
  const node = typescript.getTouchingPropertyName(file, position);
  if (node === file) return undefined;
  const start = node.getStart(file);
  const textSpan = { start, length: node.getEnd() - start };
  const symbol = checker.getSymbolAtLocation(node);
  if (!symbol) {
    if (!typescript.isExpression(node)) return undefined;
    const type = checker.getTypeAtLocation(node);
    return {
      kind: "",
      kindModifiers: "",
      textSpan,
      displayParts: typescript.typeToDisplayParts(checker, type, file),
    };
  }
  const described = typescript.SymbolDisplay.getSymbolDisplayPartsDocumentationAndSymbolKind(
    checker,
    symbol,
    file,
    typescript.getContainerNode(node),
    node,
  );
  return { ...described, kind: described.symbolKind, kindModifiers: "", textSpan };
}

/** Names of a file and of the sources, not declarations, that it imports, directly or not. */
function sourcesReachedFrom(start: any, program: any): string[] {
  const reached = new Set([start]);
  for (const file of reached) {
    for (const specifier of file.imports ?? []) {
      const resolved = program.getResolvedModuleFromModuleSpecifier(specifier, file)?.resolvedModule;
      const imported = resolved && program.getSourceFile(resolved.resolvedFileName);
      if (imported && !imported.isDeclarationFile) reached.add(imported);
    }
  }
  return [...reached].map((file) => file.fileName);
}

/** What the converter takes for TypeScript's watch mode. */
interface Watch {
  rootFiles: string[];
  options: any;
  sys: any;
  /** Set by the converter. */
  afterProgramCreate?(builder: any): void;
}

/** The converter that is being made, and what became of its programs. */
let making: { settings: ConverterSettings; programs?: CellPrograms } | undefined;

/** Folder of `@types` → a program: the next converter starts from what it resolved. */
const barePrograms = new Map<string, any>();

function createWatchCompilerHost(rootFiles: string[], options: any, sys: any): Watch {
  const { types, typeRoots, paths } = making!.settings;
  return {
    rootFiles,
    options: {
      ...options,
      moduleResolution: typescript.ModuleResolutionKind.Bundler,
      target: typescript.ScriptTarget.ES2022,
      lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
      strict: true,
      types,
      typeRoots,
      paths,
      allowImportingTsExtensions: true,
      checkJs: false,
      // The decorators of JavaScript.
      experimentalDecorators: false,
      noImplicitUseStrict: undefined,
      // The same for every notebook, or no program could start from what another resolved.
      rootDir: undefined,
      outDir: undefined,
    },
    sys,
  };
}

function createWatchProgram(watch: Watch): { close(): void } {
  const { settings } = making!;
  const [declarations, cell] = watch.rootFiles;
  const programs = new CellPrograms({
    files: { declarations, cell },
    options: watch.options,
    sys: watch.sys,
    always: settings.always,
    globals: settings.globals,
    documentation: settings.documentation,
    installed: settings.installed,
    imported: new ImportedFiles(),
    like: barePrograms.get(settings.typeRoots.join()),
  });
  making!.programs = programs;
  let timer: unknown;
  const rebuild = () => {
    timer = undefined;
    programs.changed();
    watch.afterProgramCreate!(builderOver(programs, cell));
  };
  for (const name of watch.rootFiles) {
    watch.sys.watchFile(name, () => {
      if (timer) watch.sys.clearTimeout(timer);
      timer = watch.sys.setTimeout(rebuild);
    });
  }
  rebuild();
  return { close() {} };
}

/** Where the converter expects the declarations of a cell to be written. */
const declarationFile = path.posix.join("outDir", "__tslab__.d.ts");

/** What the converter asks of a builder. */
function builderOver(programs: CellPrograms, cell: string): any {
  return {
    getSourceFile: (name: string) => programs.source(name),
    getProgram: () => programs.program,
    getAllDependencies: (file: any) => sourcesReachedFrom(file, programs.program),
    /** Declarations alone: JavaScript is made elsewhere. */
    emit(
      file: any,
      write: (name: string, text: string) => void,
      _cancellation: unknown,
      _only: unknown,
      transformers: any,
    ) {
      if (file.fileName !== cell) return;
      const { afterDeclarations } = transformers;
      const named = (_: string, text: string) => write(declarationFile, text);
      programs.program.emit(file, named, undefined, true, { afterDeclarations });
    },
  };
}

const fork = {
  ...typescript,
  sys: Object.assign(Object.create(typescript.sys), {
    getCurrentDirectory: () => making?.settings.directory ?? process.cwd(),
  }),
  createWatchCompilerHost,
  createWatchProgram,
  createPrinter: (options: any) => withoutReprinting(typescript.createPrinter(options)),
  // Of the JavaScript that the converter makes, nothing is used.
  transpileModule: () => ({ outputText: "" }),
  getNullTransformationContext: () => typescript.nullTransformationContext,
  getDefaultTypeRoots: () => making!.settings.typeRoots,
  getPreEmitDiagnosticsOfFiles: diagnosticsOf,
  getQuickInfoAtPosition: quickInfoAt,
  Completions: { ...typescript.Completions, getCompletionsAtPositionForTslab: completionsAt },
};

/** What the converter gives for a cell without faults; with faults only `diagnostics` is filled. */
export interface Conversion {
  declOutput?: string;
  diagnostics: {
    start: { line: number; character: number };
    end: { line: number; character: number };
    messageText: string;
    code: number;
    fileName?: string;
  }[];
}

/** The part of tslab's converter that moelab uses. */
export interface Converter {
  /** @param checked whether faults of types are looked for. Default true */
  convert(declarations: string, code: string, checked?: boolean): Conversion;
  complete(
    declarations: string,
    code: string,
    position: number,
  ): { start: number; end: number; candidates: string[]; original?: { entries: any[] } };
  inspect(declarations: string, code: string, position: number): any;
  /** Looks for imported modules anew with the next conversion. */
  forgetImports(): void;
  /** Ends it, and leaves to later converters what was parsed and resolved so far. */
  handOver(): void;
}

/** tslab's converter, loaded once over the fork's stand-in. */
let tslab: any;

function loadTslab(): any {
  const moduleLoader = Module as unknown as { _load(request: string, ...rest: unknown[]): unknown };
  const original = moduleLoader._load;
  moduleLoader._load = function (this: unknown, request, ...rest) {
    return request === forkName ? fork : original.call(this, request, ...rest);
  };
  try {
    return load("tslab/dist/converter");
  } finally {
    moduleLoader._load = original;
  }
}

/** tslab's converter over stock TypeScript. */
export function createConverter(settings: ConverterSettings): Converter {
  tslab ??= loadTslab();
  making = { settings };
  let converter: any;
  let programs: CellPrograms;
  try {
    converter = tslab.createConverter({ isJS: false, isBrowser: false });
    programs = making.programs!;
  } finally {
    making = undefined;
  }
  const declarationsName = path.join(settings.directory, "__prev__.d.ts");
  return {
    convert(declarations, code, checked = true) {
      let kept = false;
      checks = checked;
      try {
        const conversion: Conversion = converter.convert(declarations, code);
        kept = conversion.declOutput === undefined || conversion.declOutput === declarations;
        return conversion;
      } finally {
        // The converter takes what it drops out of the tree of the declarations.
        if (!kept) programs.spoil(declarationsName);
      }
    },
    complete: (...request) => converter.complete(...request),
    inspect: (...request) => converter.inspect(...request),
    forgetImports: () => programs.forgetImports(),
    handOver() {
      barePrograms.set(settings.typeRoots.join(), programs.bare());
    },
  };
}

/** The text of TypeScript's display parts. */
export function displayText(parts: { text: string }[] | undefined): string {
  return (parts ?? []).map((part) => part.text).join("");
}
