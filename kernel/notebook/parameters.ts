import { closestName } from "../closestName.js";
import { newCellId } from "./cellIds.js";
import { type Cell, type CodeCell, cellTags, type Notebook } from "./format.js";
import { type ParameterDeclaration, parameterDeclarations } from "./parameterDeclarations.js";
import {
  ParameterTypeError,
  type ParameterValue,
  readParameter,
  typeText,
  valueText,
} from "./parameterType.js";

/** The tags that mark the two cells; papermill's names, so that either runs the other's notebooks. */
export const parametersTag = "parameters";
const injectedTag = "injected-parameters";

/** A parameter that the notebook does not have, or a value that does not fit it. */
export class ParameterError extends Error {
  override name = "ParameterError";
}

/** The parameters that a notebook declares; undefined when no code cell is tagged `parameters`. */
export function notebookParameters(notebook: Notebook): ParameterDeclaration[] | undefined {
  const cell = notebook.cells.find(isTagged(parametersTag));
  return cell && parameterDeclarations(cell.source);
}

/**
 * Reads `name=value` texts by the types that the notebook declares. Of a name given twice the last counts.
 *
 * @throws ParameterError for the first text that does not fit; it names the known parameters.
 */
export function readParameters(notebook: Notebook, texts: readonly string[]): Map<string, ParameterValue> {
  const declared = notebookParameters(notebook);
  const values = new Map<string, ParameterValue>();
  for (const text of texts) {
    const at = text.indexOf("=");
    const name = text.slice(0, at).trim();
    if (at < 0 || name === "") {
      throw new ParameterError(`-p ${text}: expected name=value, got no "=". Write it as: -p ${text}=VALUE`);
    }
    if (!declared) {
      throw new ParameterError(
        `unknown parameter "${name}": the notebook has none. Give the cell that declares them the tag "${parametersTag}".`,
      );
    }
    const declaration = declared.find((each) => each.name === name);
    if (!declaration)
      throw new ParameterError(`unknown parameter "${name}"; ${knownParameters(name, declared)}`);
    try {
      values.set(name, readParameter(declaration.type, text.slice(at + 1)));
    } catch (error) {
      if (!(error instanceof ParameterTypeError)) throw error;
      throw new ParameterError(
        `parameter "${name}": ${error.message}; ${knownParameters(undefined, declared)}`,
      );
    }
  }
  return values;
}

function knownParameters(name: string | undefined, declared: ParameterDeclaration[]): string {
  if (declared.length === 0) return `the cell tagged "${parametersTag}" declares no variables.`;
  const list = declared.map((each) => `${each.name}: ${declaredType(each)}`).join(", ");
  const closest =
    name &&
    closestName(
      name,
      declared.map((each) => each.name),
    );
  return `known are ${list}.${closest ? ` Did you mean "${closest}"?` : ""}`;
}

/** A declaration's type as the cell writes it, else as it was inferred. */
export function declaredType(declaration: ParameterDeclaration): string {
  return declaration.annotation ?? typeText(declaration.type);
}

/**
 * The notebook with a cell that sets `values`, right after the one tagged `parameters`; a cell that an earlier run
 * injected is replaced. The variables are declared again rather than assigned, with the same keyword and type, so
 * that constants can be set, too. Without values the notebook stays as it is.
 */
export function injectParameters(notebook: Notebook, values: ReadonlyMap<string, ParameterValue>): Notebook {
  if (values.size === 0) return notebook;
  const declared = notebookParameters(notebook) ?? [];
  const lines = declared
    .filter(({ name }) => values.has(name))
    .map((each) => `${each.keyword} ${each.name}${annotation(each)} = ${valueText(values.get(each.name))};`);
  const cell: CodeCell = {
    cell_type: "code",
    id: newCellId(new Set(notebook.cells.map(({ id }) => id))),
    metadata: { tags: [injectedTag] },
    source: ["// Parameters", ...lines].join("\n"),
    execution_count: null,
    outputs: [],
  };
  const former = notebook.cells.findIndex(isTagged(injectedTag));
  const cells = [...notebook.cells];
  if (former >= 0) cells[former] = { ...cell, id: cells[former].id };
  else cells.splice(notebook.cells.findIndex(isTagged(parametersTag)) + 1, 0, cell);
  return { ...notebook, cells };
}

/** Arrays and objects need their type written, because another value may let TypeScript infer another one. */
function annotation({ annotation: written, type }: ParameterDeclaration): string {
  if (written !== undefined) return `: ${written}`;
  const inferredAlike = ["number", "string", "boolean", "bigint", "any"].includes(type.kind);
  return inferredAlike ? "" : `: ${typeText(type)}`;
}

function isTagged(tag: string): (cell: Cell) => boolean {
  return (cell) => cell.cell_type === "code" && cellTags(cell).includes(tag);
}
