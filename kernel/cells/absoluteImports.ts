import path from "node:path";

const relativeImport = /(\bfrom\s*|\bimport\s*\(\s*|\brequire\s*\(\s*)(["'])(\.{1,2}(?:\/[^"'\n]*)?)\2/g;

/** Declarations that mean the same files as before when they are read in another directory than this. */
export function withAbsoluteImports(declarations: string, directory: string): string {
  return declarations.replace(
    relativeImport,
    (_, before: string, quote: string, file: string) => before + quote + path.join(directory, file) + quote,
  );
}
