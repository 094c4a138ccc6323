import type { InspectorLink } from "./inspectorLink.js";
import type { RemoteObject } from "./remoteObject.js";

/** One thing inside another. */
export interface Child {
  name: string;
  /** Absent for a getter, which is not run unasked. */
  value?: RemoteObject;
  /** How an expression reaches it from the outer one: `a[0]`, `a.name`, or not at all. */
  access: "element" | "property" | "none";
}

/** Properties that are listed of one object; whoever has more is a table, and not read in a tree. */
const mostProperties = 1000;

/** These run in the executor. Elements are taken as they are, without getters; holes stay holes. */
const elements = `function (start, end) {
  const found = new Array(end - start);
  for (let at = start; at < end; at++) {
    const property = Object.getOwnPropertyDescriptor(this, at);
    if (property && "value" in property) found[at - start] = property.value;
  }
  return found;
}`;
const entries = `function (start, end) {
  const found = [];
  let at = 0;
  const isMap = Object.prototype.toString.call(this) === "[object Map]";
  for (const entry of isMap ? Map.prototype.entries.call(this) : Set.prototype.values.call(this)) {
    if (at >= end) break;
    if (at++ >= start) found.push(...(isMap ? entry : [entry]));
  }
  return found;
}`;
const fewProperties = `function (most) {
  const keys = Reflect.ownKeys(this);
  if (keys.length <= most) return this;
  const few = Object.create(null);
  for (const key of keys.slice(0, most)) {
    Object.defineProperty(few, key, Reflect.getOwnPropertyDescriptor(this, key));
  }
  return few;
}`;

/** Looks into objects of the executor without running any of their code. */
export class ChildLists {
  readonly #inspector: InspectorLink;
  readonly #objectGroup: string;

  /** @param objectGroup under which V8 keeps what was looked at, until it is released */
  constructor(inspector: InspectorLink, objectGroup: string) {
    this.#inspector = inspector;
    this.#objectGroup = objectGroup;
  }

  /** Elements or entries from `start` to `end`, which is exclusive. */
  async elements(value: RemoteObject, start: number, end: number): Promise<Child[]> {
    if (end <= start) return [];
    const isMap = value.subtype === "map";
    const keyed = isMap || value.subtype === "set";
    const list = keyed ? entries : elements;
    const found = await this.#call(value.objectId!, list, start, end);
    const values = (await this.#properties(found.objectId!)).filter(({ name }) => /^\d+$/.test(name));
    if (!isMap) {
      const access = keyed ? "none" : "element";
      return values.map(({ name, value: element }) => ({
        name: String(start + Number(name)),
        value: element,
        access,
      }));
    }
    const pairs: Child[] = [];
    for (let at = 0; at + 1 < values.length; at += 2) {
      pairs.push({ name: keyText(values[at].value!), value: values[at + 1].value, access: "none" });
    }
    return pairs;
  }

  /** Properties by name, private ones and V8's own included. */
  async properties(value: RemoteObject): Promise<Child[]> {
    // A proxy would be asked for its properties.
    const plain = value.type === "object" && !value.subtype;
    const few = plain ? await this.#call(value.objectId!, fewProperties, mostProperties) : value;
    return this.#properties(few.objectId!, value.subtype !== undefined);
  }

  async getter(objectId: string, name: string): Promise<RemoteObject> {
    return this.#call(objectId, "function (name) { return this[name]; }", name);
  }

  async #properties(objectId: string, nonIndexedPropertiesOnly = false): Promise<Child[]> {
    const found = await this.#inspector.ask("Runtime.getProperties", {
      objectId,
      ownProperties: true,
      generatePreview: true,
      nonIndexedPropertiesOnly,
    });
    const child = ({ name, value }: { name: string; value?: RemoteObject }): Child => ({
      name,
      value,
      access: "property",
    });
    const internal = (found.internalProperties ?? []).filter(
      ({ name }: Child) => !/Prototype|Entries|Scopes|Location/.test(name),
    );
    return [...found.result, ...(found.privateProperties ?? []), ...internal]
      .filter((property) => property.name !== "__proto__" && (property.value || property.get))
      .map(child);
  }

  async #call(objectId: string, functionDeclaration: string, ...values: unknown[]): Promise<RemoteObject> {
    const { result, exceptionDetails } = await this.#inspector.ask("Runtime.callFunctionOn", {
      objectId,
      functionDeclaration,
      arguments: values.map((value) => ({ value })),
      generatePreview: true,
      silent: true,
      objectGroup: this.#objectGroup,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result;
  }
}

/** How many elements or entries a value has. */
export function elementCount({ subtype, description = "" }: RemoteObject): number {
  if (!["array", "typedarray", "map", "set"].includes(subtype ?? "")) return 0;
  return Number(/\((\d+)\)$/.exec(description)?.[1] ?? 0);
}

function keyText(key: RemoteObject): string {
  return String(key.value ?? key.unserializableValue ?? key.description ?? key.type);
}
