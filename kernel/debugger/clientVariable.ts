import type { ValueSummary } from "../../src/host.js";
import type { DapVariable } from "./dap.js";
import type { RemoteObject } from "./remoteObject.js";
import { typeText, valueText } from "./valueText.js";

/**
 * JupyterLab shows the value of a variable only under the names that Python has for its types, and the type in place of
 * all other values; with no type at all it shows the value.
 */
const clientTypes: Record<string, string | undefined> = {
  number: "float",
  string: "str",
  boolean: "bool",
  bigint: undefined,
  symbol: undefined,
  undefined: undefined,
  null: undefined,
  "": undefined,
};

export function clientType(type: string, summary?: string): string | undefined {
  if (type in clientTypes) return clientTypes[type];
  return summary === undefined ? type : `${type} ${summary}`;
}

/** A value as clients show it. */
export function clientVariable(
  name: string,
  value: RemoteObject,
  summary: ValueSummary | null | undefined,
  variablesReference: number,
): DapVariable {
  return {
    name,
    value: summary?.text ?? valueText(value),
    type: clientType(typeText(value), summary?.text),
    variablesReference,
  };
}

/** What is said about a value, not a value itself. */
export function fact(name: string, value: string): DapVariable {
  return { name, value, variablesReference: 0, presentationHint: { kind: "virtual" } };
}
