import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { tableFile } from "../arrow/columnTable.js";
import { syncFolder, writeAtomically } from "../files/atomicFile.js";
import type { RoutingTables } from "../moe/statistics/routingTables.js";
import { fromTypedArray } from "../torch/creation.js";
import { tidy } from "../torch/lifetime.js";
import type { Tensor } from "../torch/tensor.js";
import { loadSafetensors, saveSafetensors } from "../weights/safetensors.js";
import { History } from "./history.js";
import type { LossScaleState } from "./lossScale.js";

/** Raised when a checkpoint of an older moelab could be misread. */
const formatVersion = 1;

/** Something that a run noticed. */
export interface RunWarning {
  /** Each kind is told once. */
  kind: string;
  text: string;
  /** Steps done. */
  step: number;
}

/** What `state.json` of a checkpoint holds. */
export interface CheckpointState {
  format: number;
  /** Steps done. */
  step: number;
  /** Steps the run was to have. */
  steps: number;
  seed: number;
  /** Loss of the last step, null before the first and when it was not finite. */
  loss: number | null;
  /** Steps that made no update, since something was not finite. Default 0. */
  skipped?: number;
  lossScale?: LossScaleState;
  warnings?: RunWarning[];
  /** When it was written, ISO 8601. */
  written: string;
}

export interface CheckpointContent {
  model: Record<string, Tensor>;
  optimizer: Record<string, Tensor>;
  history: History;
  state: Omit<CheckpointState, "format" | "written">;
}

/** A complete checkpoint on disk. */
export interface CheckpointPlace {
  step: number;
  path: string;
}

const folderPattern = /^step-(\d+)$/;
const leftoverPattern = /^\.(writing|removing)-step-\d+/;

/** Complete checkpoints of a run's folder, oldest first. */
export function listCheckpoints(folder: string): CheckpointPlace[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => {
      const match = folderPattern.exec(name);
      return match ? [{ step: Number(match[1]), path: join(resolve(folder), name) }] : [];
    })
    .sort((a, b) => a.step - b.step);
}

/** The checkpoint with the most steps, or undefined when there is none. */
export function latestCheckpoint(folder: string): CheckpointPlace | undefined {
  return listCheckpoints(folder).at(-1);
}

/**
 * Writes `folder/step-000500` with `model.safetensors`, `optimizer.safetensors`, `history.safetensors` and
 * `state.json`; of a model with MoE layers also its routing so far for other programs to read, as Arrow files
 * (`routing-experts.arrow`, `routing-layers.arrow`, `routing-coactivation.arrow`, see {@link RoutingTables}). It gets its
 * name only when all of it is on disk, so that a process killed at any moment leaves nothing half-written under such a
 * name.
 * @param keepLast older checkpoints are removed
 * @returns the path of the checkpoint
 */
export function writeCheckpoint(folder: string, content: CheckpointContent, keepLast: number): string {
  mkdirSync(folder, { recursive: true });
  removeLeftovers(folder);
  const name = `step-${String(content.state.step).padStart(6, "0")}`;
  const path = join(resolve(folder), name);
  const writing = join(folder, `.writing-${name}`);
  mkdirSync(writing);
  saveSafetensors(join(writing, "model.safetensors"), content.model, { metadata: { format: "pt" } });
  saveSafetensors(join(writing, "optimizer.safetensors"), content.optimizer);
  tidy(() => {
    const columns = Object.entries(content.history.toColumns());
    const tensors = columns.map(([column, values]) => [column, fromTypedArray(values.slice())]);
    saveSafetensors(join(writing, "history.safetensors"), Object.fromEntries(tensors));
  });
  if (content.history.expertLoad.layers.length > 0) writeRouting(writing, content.history.routing);
  const state: CheckpointState = {
    format: formatVersion,
    ...content.state,
    written: new Date().toISOString(),
  };
  writeAtomically(join(writing, "state.json"), (write) =>
    write(Buffer.from(`${JSON.stringify(state, null, 2)}\n`)),
  );
  removeCheckpoint(path); // one of the same step, from a run that this one replaces
  renameSync(writing, path);
  syncFolder(folder);
  for (const old of listCheckpoints(folder).slice(0, -keepLast)) removeCheckpoint(old.path);
  return path;
}

function writeRouting(folder: string, tables: RoutingTables): void {
  for (const name of ["experts", "layers", "coactivation"] as const) {
    writeAtomically(join(folder, `routing-${name}.arrow`), (write) => write(tableFile(tables[name])));
  }
}

/**
 * Reads a checkpoint. The tensors are views of its files.
 * @param path a checkpoint (`runs/a/step-000500`) or a run's folder, for its latest
 * @throws Error when there is none or its format is not known
 */
export function readCheckpoint(path: string): CheckpointContent & { path: string; state: CheckpointState } {
  const place = existsSync(join(path, "state.json")) ? resolve(path) : latestCheckpoint(path)?.path;
  if (!place) {
    throw new Error(
      `there is no checkpoint in ${resolve(path)}: expected a folder with step-… folders in it`,
    );
  }
  const state = JSON.parse(readFileSync(join(place, "state.json"), "utf8")) as CheckpointState;
  if (state.format !== formatVersion) {
    throw new Error(
      `checkpoint ${place} has format ${state.format}, this version of moelab reads format ${formatVersion}`,
    );
  }
  const history = tidy(() => {
    const columns = Object.entries(loadSafetensors(join(place, "history.safetensors")));
    return History.fromColumns(
      Object.fromEntries(
        columns.map(([name, tensor]) => [name, tensor.asTypedArray({ copy: true }) as Float64Array]),
      ),
    );
  });
  return {
    path: place,
    state,
    history,
    model: loadSafetensors(join(place, "model.safetensors")),
    optimizer: loadSafetensors(join(place, "optimizer.safetensors")),
  };
}

/** Removes all checkpoints of a folder. */
export function removeCheckpoints(folder: string): void {
  for (const { path } of listCheckpoints(folder)) removeCheckpoint(path);
}

/** Takes its name away first: a half-removed folder must not pass for a checkpoint. */
function removeCheckpoint(path: string): void {
  if (!existsSync(path)) return;
  const removing = join(path, "..", `.removing-${path.split(/[\\/]/).at(-1)}-${process.pid}`);
  renameSync(path, removing);
  rmSync(removing, { recursive: true });
}

/** Removes what killed processes left. */
function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (leftoverPattern.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}
