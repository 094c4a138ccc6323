import type { TensorSummary, ValueSummary } from "../../src/host.js";
import { keptName, writtenName } from "../cells/keptName.js";
import type { InspectorLink } from "./inspectorLink.js";
import type { RemoteObject } from "./remoteObject.js";
import { summariesOf } from "./summaries.js";
import { typeText, valueText } from "./valueText.js";

/** A variable that a cell declared or imported. */
export interface VariableReport {
  /** As the cell wrote it. */
  name: string;
  /** As the executor keeps it: an expression that gives the value there. */
  binding: string;
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
  return names.map((name, at) => ({
    name: writtenName(name),
    binding: name,
    ...report(values[at], told.get(values[at])),
  }));
}

function report(
  value: RemoteObject | null,
  summary?: ValueSummary | null,
): Omit<VariableReport, "name" | "binding"> {
  if (!value) return { type: "", value: "not yet initialised", expandable: false };
  const type = typeText(value);
  const expandable = value.objectId !== undefined && value.type === "object";
  if (summary) return { type, value: summary.text, expandable, tensor: summary.tensor };
  if (value.type !== "string") return { type, value: valueText(value), expandable };
  const [, length, start] = /^(\d+):(.*)$/s.exec(String(value.value))!;
  const shown = valueText({ type: "string", value: start });
  return { type, value: Number(length) > start.length ? `${shown} (${length})` : shown, expandable };
}
