import type { MimeBundle } from "../../src/host.js";

/**
 * A notebook as it is held in memory: nbformat 4.5 with every multi-line string joined. Fields that moelab does not
 * know are kept as they were read. Notebooks and cells are never changed in place; a change makes new ones.
 */
export interface Notebook {
  nbformat: 4;
  nbformat_minor: number;
  metadata: Metadata;
  cells: Cell[];
  [unknown: string]: unknown;
}

export type Metadata = Record<string, unknown>;

export type Cell = CodeCell | TextCell;

export interface CodeCell {
  cell_type: "code";
  id: string;
  source: string;
  metadata: Metadata;
  execution_count: number | null;
  outputs: Output[];
  [unknown: string]: unknown;
}

export interface TextCell {
  cell_type: "markdown" | "raw";
  id: string;
  source: string;
  metadata: Metadata;
  [unknown: string]: unknown;
}

export type Output = StreamOutput | DisplayOutput | ResultOutput | ErrorOutput;

export interface StreamOutput {
  output_type: "stream";
  name: "stdout" | "stderr";
  text: string;
}

export interface DisplayOutput {
  output_type: "display_data";
  data: MimeBundle;
  metadata: Metadata;
}

export interface ResultOutput {
  output_type: "execute_result";
  data: MimeBundle;
  metadata: Metadata;
  execution_count: number | null;
}

export interface ErrorOutput {
  output_type: "error";
  ename: string;
  evalue: string;
  traceback: string[];
}

/** The nbformat minor version that moelab writes. */
export const currentMinor = 5;

/** The tags of a cell (`metadata.tags`); empty when there are none. */
export function cellTags(cell: Cell): string[] {
  const tags = cell.metadata.tags;
  return Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === "string") : [];
}
