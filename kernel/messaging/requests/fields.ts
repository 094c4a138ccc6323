import { inspect } from "node:util";

/** A request that cannot be answered as it stands; the message says what was expected and what came. */
export class InvalidRequest extends Error {
  override name = "InvalidRequest";
  /** Where in the kernel it was noticed is of no use to whoever sent it. */
  override stack = undefined;
}

/** The content of a request, read field by field. What is missing or null counts as absent. */
export class Fields {
  readonly #type: string;
  readonly #content: unknown;
  readonly #fault: string | undefined;

  /** @param fault why there is no content */
  constructor(type: string, content: unknown, fault?: string) {
    this.#type = type;
    this.#content = content;
    this.#fault = fault;
  }

  /** The content as a whole, whatever its fields are. */
  all(): Record<string, unknown> {
    if (this.#fault !== undefined) throw new InvalidRequest(`${this.#type}: ${this.#fault}.`);
    if (!isMapping(this.#content)) throw this.#invalid("an object as content", this.#content);
    return this.#content;
  }

  /** @throws InvalidRequest unless it is there */
  text(name: string): string;
  text(name: string, absent: string): string;
  text(name: string, absent?: string): string {
    return this.#read(name, "a string", (value) => typeof value === "string", absent);
  }

  flag(name: string, absent: boolean): boolean {
    return this.#read(name, "true or false", (value) => typeof value === "boolean", absent);
  }

  integer(name: string, absent: number): number {
    return this.#read(name, "a whole number", (value) => Number.isSafeInteger(value), absent);
  }

  /** One of some words. */
  word<Word extends string>(name: string, words: readonly Word[]): Word {
    const expected = words.map((word) => `"${word}"`).join(" or ");
    return this.#read<Word>(name, expected, (value) => words.includes(value as Word));
  }

  /** Name → text. */
  texts(name: string): Record<string, string> {
    const isTexts = (value: unknown) =>
      isMapping(value) && Object.values(value).every((each) => typeof each === "string");
    return this.#read(name, "an object of strings", isTexts, {});
  }

  mapping(name: string): Record<string, unknown> {
    return this.#read(name, "an object", isMapping, {});
  }

  #read<T>(name: string, expected: string, accepts: (value: unknown) => boolean, absent?: T): T {
    const content = this.all();
    const value = Object.hasOwn(content, name) ? content[name] : undefined;
    if ((value === undefined || value === null) && absent !== undefined) return absent;
    if (!accepts(value)) throw this.#invalid(`${expected} under "${name}"`, value);
    return value as T;
  }

  #invalid(expected: string, value: unknown): InvalidRequest {
    return new InvalidRequest(`${this.#type}: expected ${expected}, got ${excerpt(value)}.`);
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function excerpt(value: unknown): string {
  if (value === undefined) return "nothing";
  return inspect(value, { depth: 0, maxArrayLength: 3, maxStringLength: 40, breakLength: Infinity }).slice(
    0,
    120,
  );
}
