import type { MagicDescription } from "./magic.js";

/** `%env [NAME | NAME=VALUE]`. */
export function magicForm(mark: "%" | "%%", { name, argument }: MagicDescription): string {
  return `${mark}${name}${argument === "" ? "" : ` ${argument}`}`;
}
