import { type Child, ChildLists, elementCount } from "./childLists.js";
import { clientVariable, fact } from "./clientVariable.js";
import type { DapVariable } from "./dap.js";
import type { InspectorLink } from "./inspectorLink.js";
import type { RemoteObject } from "./remoteObject.js";
import { summariesOf } from "./summaries.js";

/** Something that can be opened. */
export interface Branch {
  /** An expression for what is opened, or empty when there is none. */
  expression: string;
  children(paging: Paging): Promise<DapVariable[]>;
  /** Gives one of the children another value. Absent where nothing can be changed. */
  assign?(name: string, value: RemoteObject): Promise<void>;
}

/** Which of the elements a client wants. */
export interface Paging {
  start?: number;
  count?: number;
}

/** Elements shown at once; more of them come as ranges to open. */
const pageSize = 100;

/** The things that a client can open, by the numbers that it got for them. */
export class VariableTree {
  readonly #inspector: InspectorLink;
  readonly #lists: ChildLists;
  readonly #branches = new Map<number, Branch>();
  static #references = 0;

  constructor(inspector: InspectorLink, objectGroup: string) {
    this.#inspector = inspector;
    this.#lists = new ChildLists(inspector, objectGroup);
  }

  /** Numbers are never used again, not by another tree either. */
  add(branch: Branch): number {
    const reference = ++VariableTree.#references;
    this.#branches.set(reference, branch);
    return reference;
  }

  find(reference: number): Branch | undefined {
    return this.#branches.get(reference);
  }

  clear(): void {
    this.#branches.clear();
  }

  /** Children as a client shows them. `owner` is what getters are called on. */
  async show(children: Child[], expression = "", owner?: RemoteObject): Promise<DapVariable[]> {
    const summaries = await summariesOf(
      this.#inspector,
      children.map(({ value }) => value),
    );
    return children.map(({ name, value, access }) => {
      const path = pathTo(expression, name, access);
      if (!value) return this.#getter(name, path, owner);
      const summary = summaries.get(value);
      const reference = this.#openable(value, path, summary ? describing(summary.tensor) : []);
      const variable = clientVariable(name, value, summary, reference);
      return {
        ...variable,
        evaluateName: path || undefined,
        indexedVariables: elementCount(value) || undefined,
      };
    });
  }

  #openable(value: RemoteObject, expression: string, facts: DapVariable[]): number {
    if (!value.objectId || value.type !== "object" || value.subtype === "null") return 0;
    const count = elementCount(value);
    return this.add({
      expression,
      children: async ({ start, count: asked }) => {
        if (start !== undefined || asked !== undefined) {
          const from = Math.min(start ?? 0, count);
          const to = asked ? Math.min(from + asked, count) : count;
          return this.show(await this.#lists.elements(value, from, to), expression);
        }
        const elements = await this.#pages(value, expression, 0, count);
        const properties = await this.#lists.properties(value);
        const shown = properties.filter(({ name }) => name !== "length" && name !== "size");
        return [...facts, ...elements, ...(await this.show(shown, expression, value))];
      },
      assign: async (name, newValue) => {
        await this.#inspector.ask("Runtime.callFunctionOn", {
          objectId: value.objectId,
          functionDeclaration: "function (name, value) { this[name] = value; }",
          arguments: [{ value: name }, asArgument(newValue)],
        });
      },
    });
  }

  /** All elements of a short list, ranges of a long one. */
  async #pages(value: RemoteObject, expression: string, start: number, end: number): Promise<DapVariable[]> {
    if (end - start <= pageSize) return this.show(await this.#lists.elements(value, start, end), expression);
    let size = pageSize;
    while ((end - start) / size > pageSize) size *= pageSize;
    const pages: DapVariable[] = [];
    for (let from = start; from < end; from += size) {
      const to = Math.min(from + size, end);
      const children = () => this.#pages(value, expression, from, to);
      pages.push({
        ...fact(`${from} … ${to - 1}`, ""),
        variablesReference: this.add({ expression: "", children }),
      });
    }
    return pages;
  }

  #getter(name: string, expression: string, owner?: RemoteObject): DapVariable {
    if (!owner?.objectId) return fact(name, "(getter)");
    const { objectId } = owner;
    const children = async () =>
      this.show([{ name: "value", value: await this.#lists.getter(objectId, name), access: "none" }]);
    return {
      ...fact(name, "(getter)"),
      evaluateName: expression || undefined,
      variablesReference: this.add({ expression, children }),
      presentationHint: { lazy: true },
    };
  }
}

export function asArgument({ objectId, unserializableValue, value }: RemoteObject): object {
  if (objectId) return { objectId };
  return unserializableValue ? { unserializableValue } : { value };
}

function describing(tensor?: object): DapVariable[] {
  return Object.entries(tensor ?? {}).map(([name, value]) =>
    fact(name, Array.isArray(value) ? `[${value.join(", ")}]` : String(value)),
  );
}

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

function pathTo(expression: string, name: string, access: Child["access"]): string {
  if (access === "none" || (expression === "" && access === "element")) return "";
  if (access === "element") return `${expression}[${name}]`;
  if (!identifier.test(name)) return "";
  return expression === "" ? name : `${expression}.${name}`;
}

export function isIdentifier(name: string): boolean {
  return identifier.test(name);
}
