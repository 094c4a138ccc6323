import type { ObjectPreview, PropertyPreview, RemoteObject } from "./remoteObject.js";

/** Longest text of a value in a list, in UTF-16 units. */
const longestText = 200;

/** What a value is, in one word: `number`, `Array(3)`, `Map(2)`, `Float32Array(4)`, `Gate`, `class Gate`. */
export function typeText(value: RemoteObject): string {
  if (value.type === "function") {
    const name = /^class\s+([\p{ID_Start}$_][\p{ID_Continue}$]*)?/u.exec(value.description ?? "");
    if (!name) return "function";
    return name[1] === undefined || name[1] === "extends" ? "class" : `class ${name[1]}`;
  }
  if (value.type !== "object") return value.type;
  if (value.subtype === "null") return "null";
  const counted = ["array", "typedarray", "map", "set", "weakmap", "weakset", "arraybuffer"];
  if (counted.includes(value.subtype ?? "") && value.description) return value.description;
  return value.className ?? "object";
}

/** A value in one line, as V8 tells it without running any code of the value's. */
export function valueText(value: RemoteObject): string {
  return cut(wholeText(value));
}

function wholeText(value: RemoteObject): string {
  const { type, subtype, description = "" } = value;
  if (type === "undefined") return "undefined";
  if (type === "string") return quoted(String(value.value));
  if (type === "function") return functionText(description);
  if (type !== "object") return value.unserializableValue ?? value.description ?? String(value.value);
  if (subtype === "null") return "null";
  if (subtype === "error") return description.split("\n", 1)[0];
  if (subtype === "date" || subtype === "regexp" || subtype === "proxy") return description;
  return value.preview ? previewText(value.preview) : description;
}

/** The first line of a function; of a class only what stands before its body. */
function functionText(source: string): string {
  const [line] = source.split("\n", 1);
  if (/^class\b/.test(source)) return `${line.split("{", 1)[0].trimEnd()} {…}`;
  return line === source ? line : `${line} …`;
}

/** Of what JavaScript itself shows by brackets, only the brackets; of all else also what it is. */
function previewText(preview: ObjectPreview): string {
  const { subtype, description = "", entries } = preview;
  const more = preview.overflow ? ["…"] : [];
  if (entries) {
    const shown = entries.map(({ key, value }) =>
      key ? `${entryText(key)} => ${entryText(value)}` : entryText(value),
    );
    return `{${[...shown, ...more].join(", ")}}`;
  }
  if (subtype === "array" || subtype === "typedarray") {
    const items = preview.properties
      .filter(({ name }) => /^\d+$/.test(name))
      .map((property) => propertyText(property));
    return `[${[...items, ...more].join(", ")}]`;
  }
  const shown = preview.properties.map((property) => `${property.name}: ${propertyText(property)}`);
  const body = `{${[...shown, ...more].join(", ")}}`;
  return description === "Object" ? body : `${description} ${body}`;
}

function propertyText({ type, subtype, value = "" }: PropertyPreview): string {
  if (type === "string") return quoted(value);
  if (type === "accessor") return "(getter)";
  if (type === "function") return "ƒ";
  if (type === "object" && subtype !== "null" && value === "Object") return "{…}";
  return value;
}

function entryText(preview: ObjectPreview): string {
  if (preview.type === "string") return quoted(preview.description ?? "");
  return preview.type === "object" && preview.properties.length > 0
    ? previewText(preview)
    : (preview.description ?? preview.type);
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function cut(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text;
}
