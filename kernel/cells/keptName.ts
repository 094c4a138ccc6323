const suffix = "$cell";

/** The name under which cells keep a variable that is called like a global; see `shadowedGlobals.ts`. */
export function keptName(name: string): string {
  return `${name}${suffix}`;
}

/** The name that the user wrote for a variable of cells. */
export function writtenName(name: string): string {
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}
