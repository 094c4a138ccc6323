/**
 * What only a module can ask of Node that Node itself has loaded. Never part of a bundle.
 */

export function importModule(url: string, options?: ImportCallOptions): Promise<unknown> {
  return import(url, options);
}

/** The URL that a specifier stands for in the module `parent`. */
export function resolveModule(specifier: string, parent: string): string {
  return import.meta.resolve(specifier, parent);
}
