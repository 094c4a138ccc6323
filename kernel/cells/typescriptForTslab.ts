import Module, { createRequire } from "node:module";
import path from "node:path";

/**
 * tslab's converter was written against a fork of TypeScript 5.0. It needs six things which stock TypeScript lacks
 * or spells differently; this file supplies them, so that the unmodified npm package runs over stock TypeScript.
 * It is the only file that knows of the fork.
 */

const require = createRequire(import.meta.url);
const forkName = "@tslab/typescript-for-tslab";

/** Stock TypeScript. Its internal functions are used here, hence no types. */
export const typescript: any = require("typescript");

export interface ConverterSettings {
  /** Module specifier → declaration file, for packages that are found outside the notebook's directory. */
  paths: Record<string, string[]>;
  /** Folders that hold `@types` packages. */
  typeRoots: string[];
  /** Whether documentation comments are read; without, the first program takes a fifth less time. */
  documentation: boolean;
  /** Called for each file that the program reads and each that it looked for, with TypeScript's change callback. */
  watchFile(fileName: string, changed: (fileName: string, kind: number) => void): { close(): void };
}

/** Errors that only say that a declaration file cannot be written; a cell runs without one. */
function diagnosticsOf(program: any, files: any[]): any[] {
  return files.flatMap((file) => [
    ...program.getSyntacticDiagnostics(file),
    ...program.getSemanticDiagnostics(file),
  ]);
}

function typeRootsAbove(directory: string, host: { directoryExists(name: string): boolean }) {
  const roots: string[] = [];
  for (let current = directory; ; current = path.dirname(current)) {
    const root = path.join(current, "node_modules", "@types");
    if (host.directoryExists(root)) roots.push(root);
    if (current === path.dirname(current)) return roots.length > 0 ? roots : undefined;
  }
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

/**
 * What the converter needs of a builder. TypeScript's own make a type checker for every program, to find out what each
 * file refers to; the converter's first program of each cell, made for the names that the cell declares, needs none.
 */
function createLeanBuilder(...parameters: any[]): any {
  const builder = typescript.createAbstractBuilder(...parameters);
  const program = builder.getProgram();
  for (const name of program.getRootFileNames()) {
    typescript.bindSourceFile(program.getSourceFile(name), program.getCompilerOptions());
  }
  return { ...builder, getAllDependencies: (file: any) => sourcesReachedFrom(file, program) };
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

function forkOver(settings: ConverterSettings): any {
  const sys = Object.assign(Object.create(typescript.sys), {
    watchFile: settings.watchFile,
    // Directory watchers walk the whole tree below the notebook; missing modules are looked up again instead.
    watchDirectory: () => ({ close() {} }),
  });
  const createWatchCompilerHost = (
    rootFiles: string[],
    options: any,
    _sys: any,
    _builder: null,
    ...rest: any[]
  ) => {
    const host = typescript.createWatchCompilerHost(
      rootFiles,
      {
        ...options,
        moduleResolution: typescript.ModuleResolutionKind.Bundler,
        target: typescript.ScriptTarget.ES2022,
        lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
        strict: true,
        types: ["node"],
        typeRoots: settings.typeRoots,
        paths: settings.paths,
        allowImportingTsExtensions: true,
        checkJs: false,
        noImplicitUseStrict: undefined,
      },
      _sys,
      createLeanBuilder,
      ...rest,
    );
    const { ParseAll, ParseNone } = typescript.JSDocParsingMode;
    host.jsDocParsingMode = settings.documentation ? ParseAll : ParseNone;
    return host;
  };
  return {
    ...typescript,
    sys,
    createWatchCompilerHost,
    getNullTransformationContext: () => typescript.nullTransformationContext,
    getDefaultTypeRoots: typeRootsAbove,
    getPreEmitDiagnosticsOfFiles: diagnosticsOf,
    getQuickInfoAtPosition: quickInfoAt,
    Completions: { ...typescript.Completions, getCompletionsAtPositionForTslab: completionsAt },
  };
}

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
  convert(declarations: string, code: string): Conversion;
  complete(
    declarations: string,
    code: string,
    position: number,
  ): { start: number; end: number; candidates: string[]; original?: { entries: any[] } };
  inspect(declarations: string, code: string, position: number): any;
  close(): void;
}

/** Loads tslab's converter over stock TypeScript. The working directory is where modules are looked up. */
export function createConverter(settings: ConverterSettings): Converter {
  const fork = forkOver(settings);
  const moduleLoader = Module as unknown as { _load(request: string, ...rest: unknown[]): unknown };
  const load = moduleLoader._load;
  moduleLoader._load = function (this: unknown, request, ...rest) {
    return request === forkName ? fork : load.call(this, request, ...rest);
  };
  try {
    // A converter loaded for earlier settings would keep them.
    delete require.cache[require.resolve("tslab/dist/converter")];
    return require("tslab/dist/converter").createConverter({ isJS: false, isBrowser: false });
  } finally {
    moduleLoader._load = load;
  }
}

/** The text of TypeScript's display parts. */
export function displayText(parts: { text: string }[] | undefined): string {
  return (parts ?? []).map((part) => part.text).join("");
}
