/**
 * The type of a notebook parameter, as far as a value given on the command line has to be read and checked by it.
 * `any` stands for what is not followed, such as an imported type; the cell's own check sees those.
 */
export type ParameterType =
  | { kind: "number" | "string" | "boolean" | "bigint" | "null" | "undefined" | "any" }
  | { kind: "literal"; value: string | number | boolean }
  | { kind: "array"; element: ParameterType }
  | { kind: "tuple"; elements: ParameterType[] }
  | { kind: "object"; fields: Record<string, { type: ParameterType; optional: boolean }> }
  | { kind: "record"; value: ParameterType }
  | { kind: "union"; members: ParameterType[] };

/** A value that a parameter can have: JSON, `undefined`, a bigint, an infinity or NaN. */
export type ParameterValue = unknown;

/** The value does not have the parameter's type; `message` is "expected …, got …". */
export class ParameterTypeError extends Error {
  override name = "ParameterTypeError";
}

const numeral = /^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const prefixedNumeral = /^0(x[\da-f]+|o[0-7]+|b[01]+)$/i;

/**
 * Reads what was typed after `name=`: strings as they are, numbers as TypeScript writes them, arrays and objects as
 * JSON. Of a union the first member that fits is taken, `string` last.
 *
 * @throws ParameterTypeError
 */
export function readParameter(type: ParameterType, text: string): ParameterValue {
  const value = readOrMismatch(type, text);
  if (value instanceof ParameterTypeError) throw value;
  return value;
}

function readOrMismatch(type: ParameterType, text: string): ParameterValue | ParameterTypeError {
  switch (type.kind) {
    case "string":
      return text;
    case "number":
      return readNumber(text) ?? mismatch(type, text);
    case "boolean":
      return text === "true" ? true : text === "false" ? false : mismatch(type, text);
    case "bigint":
      return /^-?\d+n?$/.test(text) ? BigInt(text.replace("n", "")) : mismatch(type, text);
    case "null":
      return text === "null" ? null : mismatch(type, text);
    case "undefined":
      return text === "undefined" ? undefined : mismatch(type, text);
    case "literal": {
      const given = typeof type.value === "number" ? readNumber(text) : text;
      return given === type.value || text === String(type.value) ? type.value : mismatch(type, text);
    }
    case "union": {
      const stringLast = [...type.members].sort(
        (a, b) => Number(a.kind === "string") - Number(b.kind === "string"),
      );
      for (const member of stringLast) {
        const value = readOrMismatch(member, text);
        if (!(value instanceof ParameterTypeError)) return value;
      }
      return mismatch(type, text);
    }
    case "any":
      try {
        return JSON.parse(text);
      } catch {
        return text;
      }
    default: {
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch (error) {
        return new ParameterTypeError(
          `expected ${typeText(type)} as JSON, got ${text} (${(error as Error).message})`,
        );
      }
      return checkJson(type, json, "") ?? json;
    }
  }
}

function readNumber(text: string): number | undefined {
  if (numeral.test(text) || prefixedNumeral.test(text)) return Number(text.replaceAll("_", ""));
  return /^([+-]?Infinity|NaN)$/.test(text) ? Number(text) : undefined;
}

/** Undefined when the value fits; `path` is where it lies, such as `.layers[1]`. */
function checkJson(type: ParameterType, value: unknown, path: string): ParameterTypeError | undefined {
  const differs = (): ParameterTypeError => mismatch(type, JSON.stringify(value), path);
  switch (type.kind) {
    case "any":
      return undefined;
    case "number":
    case "string":
    case "boolean":
      return typeof value === type.kind ? undefined : differs();
    case "null":
      return value === null ? undefined : differs();
    case "literal":
      return value === type.value ? undefined : differs();
    case "bigint":
    case "undefined":
      // Neither has a JSON form.
      return differs();
    case "array":
      if (!Array.isArray(value)) return differs();
      return firstError(value, (item, at) => checkJson(type.element, item, `${path}[${at}]`));
    case "tuple":
      if (!Array.isArray(value) || value.length !== type.elements.length) return differs();
      return firstError(value, (item, at) => checkJson(type.elements[at], item, `${path}[${at}]`));
    case "record":
      if (!isObject(value)) return differs();
      return firstError(Object.entries(value), ([key, item]) =>
        checkJson(type.value, item, `${path}.${key}`),
      );
    case "object": {
      if (!isObject(value)) return differs();
      const extra = Object.keys(value).find((key) => !Object.hasOwn(type.fields, key));
      if (extra !== undefined) {
        return new ParameterTypeError(`expected ${typeText(type)}, got the unknown field ${path}.${extra}`);
      }
      return firstError(Object.entries(type.fields), ([key, field]) => {
        if (Object.hasOwn(value, key)) return checkJson(field.type, value[key], `${path}.${key}`);
        return field.optional
          ? undefined
          : new ParameterTypeError(`expected ${typeText(type)}, but the field ${path}.${key} is missing`);
      });
    }
    case "union":
      return type.members.some((member) => !checkJson(member, value, path)) ? undefined : differs();
  }
}

function firstError<T>(
  items: T[],
  check: (item: T, at: number) => ParameterTypeError | undefined,
): ParameterTypeError | undefined {
  for (const [at, item] of items.entries()) {
    const error = check(item, at);
    if (error) return error;
  }
  return undefined;
}

function mismatch(type: ParameterType, got: string, path = ""): ParameterTypeError {
  const where = path === "" ? "" : ` at ${path}`;
  return new ParameterTypeError(`expected ${typeText(type)}${where}, got ${got === "" ? "nothing" : got}`);
}

/** The type as TypeScript writes it. */
export function typeText(type: ParameterType): string {
  switch (type.kind) {
    case "literal":
      return JSON.stringify(type.value);
    case "array":
      return type.element.kind === "union" ? `(${typeText(type.element)})[]` : `${typeText(type.element)}[]`;
    case "tuple":
      return `[${type.elements.map(typeText).join(", ")}]`;
    case "record":
      return `Record<string, ${typeText(type.value)}>`;
    case "object": {
      const fields = Object.entries(type.fields).map(
        ([key, field]) => `${fieldName(key)}${field.optional ? "?" : ""}: ${typeText(field.type)}`,
      );
      return fields.length === 0 ? "{}" : `{ ${fields.join("; ")} }`;
    }
    case "union":
      return type.members.map(typeText).join(" | ");
    default:
      return type.kind;
  }
}

/** The value as a TypeScript expression. */
export function valueText(value: ParameterValue): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (value === undefined) return "undefined";
  if (Array.isArray(value)) return `[${value.map(valueText).join(", ")}]`;
  if (isObject(value)) {
    const fields = Object.entries(value).map(([key, item]) => `${fieldName(key)}: ${valueText(item)}`);
    return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
  }
  return JSON.stringify(value);
}

function fieldName(key: string): string {
  if (key === "__proto__") return '["__proto__"]';
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
