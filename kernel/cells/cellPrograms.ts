import type { ImportedFiles, InstalledFiles } from "./sourceFiles.js";
import { typescript as ts } from "./typescript.js";

/** The names under which the converter speaks of the two files of a program that exist in its memory alone. */
export interface CellFiles {
  /** What earlier cells declared. */
  declarations: string;
  cell: string;
}

export interface ProgramSettings {
  files: CellFiles;
  options: any;
  /** TypeScript's `sys` as the converter wraps it: reads the two files, too. */
  sys: any;
  /** Declaration files that every program contains, imported or not. */
  always: string[];
  /** Further declarations of globals. */
  globals: string;
  /** Whether documentation comments of imported files are read. */
  documentation: boolean;
  installed: InstalledFiles;
  imported: ImportedFiles;
  /** A program with the same options, of another notebook, whose resolved imports may be taken over. */
  like?: any;
}

/** The only root of every program, wherever the notebook is: what it refers to may change, its name must not. */
const rootName = "/moelab/cells.d.ts";

/**
 * Programs of one cell after another, in place of TypeScript's watch mode: nothing is built before it is asked for (the
 * names that a cell declares need no program), files of the installation are shared, and the declarations are parsed
 * only when they changed.
 */
export class CellPrograms {
  readonly #settings: ProgramSettings;
  readonly #host: any;
  readonly #memory = new Map<string, { text: string; source: any; statements: any }>();
  #root: any;
  #program: any;
  #current = false;
  /** `package.json` files, of which TypeScript wants to know for each file of each program. */
  #packages: any;
  /** Of the program that is being made. */
  #resolutions: any;

  constructor(settings: ProgramSettings) {
    this.#settings = settings;
    this.#host = this.#compilerHost();
    this.#program = settings.like;
    this.#packages = this.#newResolutions().getPackageJsonInfoCache();
    const { declarations, cell } = settings.files;
    this.#root = this.#rootOver([declarations, cell]);
  }

  #rootOver(files: string[]): any {
    const { always, globals } = this.#settings;
    const references = [...files, ...always].map((path) => `/// <reference path="${path}" />`);
    return this.#parse(rootName, `${references.join("\n")}\n${globals}`);
  }

  /** A program without cells, for another notebook to start from. These programs end with it. */
  bare(): any {
    this.#root = this.#rootOver([]);
    this.#current = false;
    return this.program;
  }

  /** The contents of the two files may be others now. */
  changed(): void {
    this.#current = false;
  }

  /** Resolves all imports anew for the next program. */
  forgetImports(): void {
    this.#settings.imported.forgetAll();
    this.#packages.clear();
    this.#program = undefined;
    this.#current = false;
  }

  /** Parses a file of memory anew at its next use although its text is the same: its tree was changed. */
  spoil(fileName: string): void {
    this.#memory.delete(fileName);
  }

  get program(): any {
    if (!this.#current || !this.#program) {
      this.#resolutions = this.#newResolutions();
      this.#program = ts.createProgram({
        rootNames: [rootName],
        options: this.#settings.options,
        host: this.#host,
        oldProgram: this.#program,
      });
      this.#current = true;
    }
    return this.#program;
  }

  #newResolutions(): any {
    const { options, sys } = this.#settings;
    const same = (fileName: string) => fileName;
    return ts.createModuleResolutionCache(sys.getCurrentDirectory(), same, options, this.#packages);
  }

  /** Parsed and bound; those of memory without a program around them. */
  source(fileName: string): any {
    if (!this.#isInMemory(fileName)) return this.program.getSourceFile(fileName);
    const source = this.#inMemory(fileName);
    ts.bindSourceFile(source, this.#settings.options);
    // Augmentations are no variables, for which the converter would take them.
    for (const name of source.locals?.keys() ?? []) {
      if (name === "__global" || name.startsWith('"')) source.locals.delete(name);
    }
    return source;
  }

  #isInMemory(fileName: string): boolean {
    const { declarations, cell } = this.#settings.files;
    return fileName === declarations || fileName === cell;
  }

  #inMemory(fileName: string): any {
    const text: string = this.#settings.sys.readFile(fileName);
    let entry = this.#memory.get(fileName);
    if (entry?.text !== text) {
      const source = this.#parse(fileName, text);
      entry = { text, source, statements: source.statements };
      this.#memory.set(fileName, entry);
    }
    // The converter leaves a list of its own, of the same statements.
    entry.source.statements = entry.statements;
    return entry.source;
  }

  #parse(fileName: string, text: string, options?: any): any {
    const source = ts.createSourceFile(fileName, text, options ?? this.#parseOptions());
    source.version = "";
    return source;
  }

  #parseOptions(): any {
    const { options, documentation } = this.#settings;
    return {
      languageVersion: options.target,
      setExternalModuleIndicator: ts.getSetExternalModuleIndicator(options),
      jsDocParsingMode: documentation ? ts.JSDocParsingMode.ParseAll : ts.JSDocParsingMode.ParseNone,
    };
  }

  #compilerHost(): any {
    const { sys, installed, imported, documentation } = this.#settings;
    const libraries = ts.getDirectoryPath(sys.getExecutingFilePath());
    const getSourceFile = (fileName: string, options: any): any => {
      if (fileName === rootName) return this.#root;
      if (this.#isInMemory(fileName)) return this.#inMemory(fileName);
      const parse = () => {
        const text = sys.readFile(fileName);
        return text === undefined ? undefined : this.#parse(fileName, text, options);
      };
      return (installed.includes(fileName) ? installed : imported).get(fileName, parse);
    };
    return {
      getSourceFile,
      getDefaultLibLocation: () => libraries,
      getDefaultLibFileName: (options: any) => `${libraries}/${ts.getDefaultLibFileName(options)}`,
      getCurrentDirectory: sys.getCurrentDirectory,
      getCanonicalFileName: (fileName: string) => fileName,
      useCaseSensitiveFileNames: () => true,
      getNewLine: () => "\n",
      fileExists: sys.fileExists,
      readFile: sys.readFile,
      directoryExists: sys.directoryExists,
      getDirectories: sys.getDirectories,
      realpath: sys.realpath,
      writeFile: () => {},
      jsDocParsingMode: documentation ? ts.JSDocParsingMode.ParseAll : ts.JSDocParsingMode.ParseNone,
      getModuleResolutionCache: () => this.#resolutions,
      resolveModuleNameLiterals: (names: any[], from: string, redirected: any, options: any, source: any) =>
        names.map((name) => {
          const mode = ts.getModeForUsageLocation(source, name, options);
          return ts.resolveModuleName(
            name.text,
            from,
            options,
            this.#host,
            this.#resolutions,
            redirected,
            mode,
          );
        }),
    };
  }
}
