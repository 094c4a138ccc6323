import { readFile } from "node:fs/promises";
import { isCellId, newCellId } from "./cellIds.js";
import { type Cell, currentMinor, type Metadata, type Notebook, type Output } from "./format.js";

/** The file is not a notebook that moelab can read; the message says what was expected, what came and what to do. */
export class NotebookFormatError extends Error {
  override name = "NotebookFormatError";
}

/**
 * Reads a notebook file.
 *
 * @throws NotebookFormatError for anything but an nbformat 4.0–4.5 notebook; the file system's error when the file
 * cannot be read.
 */
export async function readNotebook(path: string): Promise<Notebook> {
  return parseNotebook(await readFile(path, "utf8"), path);
}

/**
 * Parses and checks the text of a notebook. Versions 4.0–4.4 become 4.5: each cell without a valid, unique id gets
 * a new one.
 *
 * @param name the file's name, used in errors
 */
export function parseNotebook(text: string, name = "notebook"): Notebook {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new NotebookFormatError(
      `${name} is not a notebook: expected a JSON document, but ${(error as Error).message}. ` +
        `A TypeScript file runs with the extension .ts.`,
    );
  }
  return new NotebookParser(name).notebook(json);
}

class NotebookParser {
  private readonly ids = new Set<string>();

  constructor(private readonly name: string) {}

  notebook(json: unknown): Notebook {
    if (!isObject(json) || !("nbformat" in json)) {
      throw new NotebookFormatError(
        `${this.name} is not a notebook: expected an object with "nbformat" and "cells", got ${describe(json)}.`,
      );
    }
    const { nbformat, nbformat_minor: minor } = json;
    if (nbformat !== 4 || typeof minor !== "number" || minor < 0 || minor > currentMinor) {
      throw new NotebookFormatError(
        `${this.name} has nbformat ${nbformat}.${minor ?? "?"}; expected 4.0 to 4.${currentMinor}. ` +
          `Convert it with: jupyter nbconvert --to notebook --nbformat 4 <file>`,
      );
    }
    if (!Array.isArray(json.cells)) this.fail("cells", "a list", json.cells);
    const metadata = this.object(json.metadata ?? {}, "metadata");
    // Ids that are valid keep their cell, so they are taken before any is generated.
    const kept = (json.cells as unknown[]).map((cell) => this.keepId(cell));
    const cells = (json.cells as unknown[]).map((cell, index) => this.cell(cell, index, kept[index]));
    return {
      ...json,
      nbformat: 4,
      nbformat_minor: currentMinor,
      metadata: withoutTransient(metadata),
      cells,
    };
  }

  private keepId(cell: unknown): string | undefined {
    if (!isObject(cell) || !isCellId(cell.id) || this.ids.has(cell.id)) return undefined;
    this.ids.add(cell.id);
    return cell.id;
  }

  private cell(json: unknown, index: number, keptId: string | undefined): Cell {
    const where = `cells[${index}]`;
    const cell = this.object(json, where);
    const id = keptId ?? newCellId(this.ids);
    this.ids.add(id);
    const metadata = { ...this.object(cell.metadata ?? {}, `${where}.metadata`) };
    delete metadata.trusted;
    const common = { ...cell, id, metadata, source: this.text(cell.source, `${where}.source`) };
    if (isObject(cell.attachments)) {
      const attachments = Object.entries(cell.attachments);
      Object.assign(common, {
        attachments: Object.fromEntries(
          attachments.map(([file, bundle]) => [file, isObject(bundle) ? joinBundle(bundle) : bundle]),
        ),
      });
    }
    switch (cell.cell_type) {
      case "markdown":
      case "raw":
        return { ...common, cell_type: cell.cell_type };
      case "code": {
        const outputs = cell.outputs ?? [];
        if (!Array.isArray(outputs)) this.fail(`${where}.outputs`, "a list", outputs);
        return {
          ...common,
          cell_type: "code",
          execution_count: typeof cell.execution_count === "number" ? cell.execution_count : null,
          outputs: (outputs as unknown[]).map((output, at) => this.output(output, `${where}.outputs[${at}]`)),
        };
      }
      default:
        return this.fail(`${where}.cell_type`, '"code", "markdown" or "raw"', cell.cell_type);
    }
  }

  private output(json: unknown, where: string): Output {
    const output = this.object(json, where);
    switch (output.output_type) {
      case "stream":
        return { ...output, text: this.text(output.text, `${where}.text`) } as Output;
      case "display_data":
      case "execute_result": {
        const data = joinBundle(this.object(output.data, `${where}.data`));
        return {
          ...output,
          data,
          metadata: this.object(output.metadata ?? {}, `${where}.metadata`),
        } as Output;
      }
      case "error":
        return output as unknown as Output;
      default:
        return this.fail(
          `${where}.output_type`,
          '"stream", "display_data", "execute_result" or "error"',
          output.output_type,
        );
    }
  }

  private text(value: unknown, where: string): string {
    if (typeof value === "string") return value;
    if (isLines(value)) return value.join("");
    return this.fail(where, "a string or a list of strings", value);
  }

  private object(value: unknown, where: string): Record<string, unknown> {
    return isObject(value) ? value : this.fail(where, "an object", value);
  }

  private fail(where: string, expected: string, got: unknown): never {
    throw new NotebookFormatError(
      `${this.name} is not a valid notebook: ${where} should be ${expected}, got ${describe(got)}.`,
    );
  }
}

/** nbformat never stores these. */
function withoutTransient(metadata: Metadata): Metadata {
  const { orig_nbformat: _, orig_nbformat_minor: __, signature: ___, ...kept } = metadata;
  return kept;
}

/** Joins the lines of the text types in a mime bundle; JSON types stay as they are. */
function joinBundle(bundle: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(bundle).map(([mime, value]) => [
      mime,
      !isJsonMime(mime) && isLines(value) ? value.join("") : value,
    ]),
  );
}

function isJsonMime(mime: string): boolean {
  return mime === "application/json" || (mime.startsWith("application/") && mime.endsWith("+json"));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isLines(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((line) => typeof line === "string");
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return `an object with ${Object.keys(value).slice(0, 5).join(", ") || "no fields"}`;
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
