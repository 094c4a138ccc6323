import { stampOf } from "../bundle/stamp.js";

/** A file as TypeScript parsed it, and what tells whether it has changed since. */
interface ParsedFile {
  source: any;
  stamp: string;
}

type Parse = () => any;

/**
 * Files of the installation: TypeScript's libraries, Node's types, moelab's API. They are parsed and bound once for all
 * programs of the process, and not looked at again.
 */
export class InstalledFiles {
  readonly #folders: string[];
  readonly #files = new Map<string, ParsedFile>();

  constructor(folders: string[]) {
    this.#folders = folders.map((folder) => `${folder}/`);
  }

  includes(fileName: string): boolean {
    return this.#folders.some((folder) => fileName.startsWith(folder));
  }

  get(fileName: string, parse: Parse): any {
    let file = this.#files.get(fileName);
    if (!file) {
      file = { source: parse(), stamp: stampOf(fileName) };
      this.#files.set(fileName, file);
    }
    return file.source;
  }

  /** Forgets what is no longer as it was parsed, for a process that got these files from an older one; true if any. */
  forgetChanged(): boolean {
    let any = false;
    for (const [fileName, { stamp }] of this.#files) {
      if (stamp === stampOf(fileName)) continue;
      this.#files.delete(fileName);
      any = true;
    }
    return any;
  }
}

/**
 * Everything else that cells import. The user's own files are looked at for each program: an edit counts from the next
 * cell on, with no timers and no race against a file system watcher. Packages are looked at once.
 */
export class ImportedFiles {
  readonly #files = new Map<string, ParsedFile>();

  get(fileName: string, parse: Parse): any {
    const known = this.#files.get(fileName);
    if (known && fileName.includes("/node_modules/")) return known.source;
    const stamp = stampOf(fileName);
    if (known && known.stamp === stamp) return known.source;
    const source = parse();
    this.#files.set(fileName, { source, stamp });
    return source;
  }

  forgetAll(): void {
    this.#files.clear();
  }
}
