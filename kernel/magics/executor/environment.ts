import process from "node:process";

/** Sets a variable when it is given a value; the variable asked for, or all. */
export function environment({ name, value }: { name?: string; value?: string }): Record<string, string> {
  if (name !== undefined && value !== undefined) process.env[name] = value;
  const all = { ...process.env } as Record<string, string>;
  if (name === undefined) return all;
  return all[name] === undefined ? {} : { [name]: all[name] };
}
