import { inspect } from "node:util";
import { isNativeError } from "node:util/types";

/**
 * What can be read of anything that was thrown. Any property of it may be missing, of a wrong type, or throw when it is
 * read; none of that may hide the fault itself.
 */

/** Longest message that is shown, in UTF-16 units. */
const longestMessage = 20_000;

export function isError(thrown: unknown): thrown is Error {
  // An error of another context, such as one of `node:vm`, has another class.
  return isNativeError(thrown) || attempt(() => thrown instanceof Error, false);
}

export function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

export function className(error: Error): string {
  const name = attempt(() => (typeof error.name === "string" ? error.name : ""), "") || "Error";
  if (name !== "Error") return name;
  return attempt(() => error.constructor.name, "") || name;
}

export function messageOf(error: Error): string {
  const message = attempt(() => String(error.message ?? ""), "(its message cannot be read)");
  if (message.length <= longestMessage) return message;
  return `${message.slice(0, longestMessage)}… (${message.length - longestMessage} more characters)`;
}

/** "TypeError: no such expert", the first line of a stack. */
export function headOf(error: Error): string {
  const message = messageOf(error);
  return message === "" ? className(error) : `${className(error)}: ${message}`;
}

const shownElsewhere = new Set(["name", "message", "stack", "cause", "errors"]);

/** Properties that an error has besides those of all errors, such as `code`. */
export function detailsOf(error: Error): string[] {
  const names = attempt(() => Object.keys(error), []).filter((name) => !shownElsewhere.has(name));
  if (names.length === 0) return [];
  const details = Object.fromEntries(
    names.map((name) => [name, attempt(() => (error as any)[name], "(cannot be read)")]),
  );
  return printed(details).split("\n");
}

/** Any value on few lines. */
export function printed(value: unknown): string {
  const settings = { depth: 2, maxArrayLength: 20, maxStringLength: 2000 };
  return (
    attempt(() => inspect(value, settings), undefined) ??
    attempt(() => inspect(value, { ...settings, customInspect: false }), `[${typeof value}]`)
  );
}
