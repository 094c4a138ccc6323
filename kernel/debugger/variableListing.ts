import type { TensorSummary, ValueSummary } from "../../src/host.js";
import { keptName, writtenName } from "../cells/keptName.js";
import type { InspectorLink } from "./inspectorLink.js";
import type { RemoteObject } from "./remoteObject.js";
import { typeText, valueText } from "./valueText.js";

/** A variable that a cell declared or imported. */
export interface VariableReport {
  /** As the cell wrote it. */
  name: string;
  /** For example `number`, `Array(3)`, `Tensor`, `function`, `class Gate`. */
  type: string;
  /** One line; for a tensor its shape, dtype and device. */
  value: string;
  /** Whether there is something inside to look at. */
  expandable: boolean;
  tensor?: TensorSummary;
}

/** Characters of a string that are read; the rest may be a whole corpus. */
const readCharacters = 300;

const objectGroup = "moelab.variables";

/** What TypeScript's emit declares by itself. */
const emitted =
  /^__(decorate|param|metadata|esDecorate|runInitializers|propKey|setFunctionName|addDisposableResource|disposeResources|rest|awaiter)$/;

/** Asks those that can say themselves what they are; runs in the executor, so it stands on nothing but JavaScript. */
const summaries = `function (...values) {
  const key = Symbol.for("moelab.summary");
  return values.map((value) => {
    try {
      for (let holder = value; holder; holder = Object.getPrototypeOf(holder)) {
        const property = Object.getOwnPropertyDescriptor(holder, key);
        if (property) return typeof property.value === "function" ? property.value.call(value) : null;
      }
    } catch {}
    return null;
  });
}`;

/** Names, as the executor has them, of what cells declared and imported. */
export async function variableNames(inspector: InspectorLink): Promise<string[]> {
  const { names }: { names: string[] } = await inspector.ask("Runtime.globalLexicalScopeNames");
  const kept = new Set(names);
  return names.filter((name) => !emitted.test(name) && !kept.has(keptName(name)));
}

/**
 * All variables of cells, in the order in which they were declared. V8 reads them between two instructions of whatever
 * runs; no code of theirs is run, no getter either, but a method of moelab's own tensors.
 *
 * @throws Error when the executor ends meanwhile
 */
export async function listVariables(inspector: InspectorLink): Promise<VariableReport[]> {
  const names = await variableNames(inspector);
  const answers = await inspector.askAll(
    names.map((name) => ({
      method: "Runtime.evaluate",
      params: {
        // Only the start of a string, with its length before it.
        expression: `typeof ${name} === "string" ? ${name}.length + ":" + ${name}.slice(0, ${readCharacters}) : ${name}`,
        silent: true,
        generatePreview: true,
        objectGroup,
      },
    })),
  );
  const values = answers.map((answer) =>
    "result" in answer && !answer.result.exceptionDetails ? (answer.result.result as RemoteObject) : null,
  );
  const told = await summariesOf(inspector, values);
  void inspector.askAll([{ method: "Runtime.releaseObjectGroup", params: { objectGroup } }]);
  return names.map((name, at) => ({ name: writtenName(name), ...report(values[at], told.get(values[at])) }));
}

function report(value: RemoteObject | null, summary?: ValueSummary | null): Omit<VariableReport, "name"> {
  if (!value) return { type: "", value: "not yet initialised", expandable: false };
  const type = typeText(value);
  const expandable = value.objectId !== undefined && value.type === "object";
  if (summary) return { type, value: summary.text, expandable, tensor: summary.tensor };
  if (value.type !== "string") return { type, value: valueText(value), expandable };
  const [, length, start] = /^(\d+):(.*)$/s.exec(String(value.value))!;
  const shown = valueText({ type: "string", value: start });
  return { type, value: Number(length) > start.length ? `${shown} (${length})` : shown, expandable };
}

type Told = Map<RemoteObject | null, ValueSummary | null>;

async function summariesOf(inspector: InspectorLink, values: (RemoteObject | null)[]): Promise<Told> {
  const told: Told = new Map();
  // V8's own kinds have nothing to say; a proxy's traps are not to run.
  const asked = values.filter((value) => value?.objectId && value.type === "object" && !value.subtype);
  if (asked.length === 0) return told;
  const [answer] = await inspector.askAll([
    {
      method: "Runtime.callFunctionOn",
      params: {
        functionDeclaration: summaries,
        objectId: asked[0]!.objectId,
        arguments: asked.map((value) => ({ objectId: value!.objectId })),
        returnByValue: true,
        silent: true,
      },
    },
  ]);
  const summariesFound = "result" in answer ? answer.result.result.value : undefined;
  if (Array.isArray(summariesFound)) {
    for (const [at, value] of asked.entries()) told.set(value, summariesFound[at]);
  }
  return told;
}
