import { type DisplayData, displaySymbol, host, isDisplayData, type MimeBundle } from "../host.js";
import type { Series } from "../viz/curves.js";
import { liveTraining } from "../viz/liveTraining.js";
import { lossCurve } from "../viz/lossCurve.js";
import { statusLine } from "./progressText.js";
import type { Run } from "./run.js";

/** Milliseconds between updates: what front ends take without lagging behind, and what can be read in a terminal. */
const notebookInterval = 250;
const terminalInterval = 2000;
/** Drawing may take this share of the time: it happens on the thread that trains. */
const drawingShare = 0.05;

/**
 * Shows a run under one display id: a picture of constant size while it trains, the picture that stays at its end, a
 * line of text on a terminal.
 */
export class LiveDisplay {
  readonly #displayId: string;
  #opened = false;
  #drawn = -Infinity;
  #drawingTime = 0;
  #broken = false;

  constructor(displayId: string) {
    this.#displayId = displayId;
  }

  get opened(): boolean {
    return this.#opened;
  }

  /** Adds an output, which follows from now on. */
  open(run: Run): void {
    this.#opened = true;
    this.#show(this.#frame(run), false);
  }

  /** Called after every step; draws when it is time. */
  step(run: Run): void {
    if (!this.#opened || this.#broken || run.step === run.steps) return;
    const least = host().kind === "notebook" ? notebookInterval : terminalInterval;
    const interval = Math.max(least, this.#drawingTime / drawingShare);
    if (performance.now() - this.#drawn < interval) return;
    this.#show(this.#frame(run), true);
  }

  /** The last update of a leg. */
  async settle(run: Run, error?: unknown): Promise<void> {
    const shown = await this.picture(run);
    if (error !== undefined) {
      const text = error instanceof Error ? error.message : String(error);
      shown.data["text/plain"] = `${shown.data["text/plain"]}\n${text}`;
    }
    this.#show(shown, true);
  }

  /** The picture that stays: losses as far as the run has come. */
  async picture(run: Run): Promise<DisplayData> {
    const status = statusLine(run);
    const series = seriesOf(run).filter(({ values }) =>
      Array.from(values as Float64Array).some(Number.isFinite),
    );
    if (series.length === 0 || host().kind === "terminal") return { data: { "text/plain": status } };
    const bundle = await lossCurve({ series, title: status })[displaySymbol]();
    const { data, metadata } = isDisplayData(bundle) ? bundle : { data: bundle as MimeBundle };
    return { data: { ...data, "text/plain": `${status}\n${data["text/plain"]}` }, metadata };
  }

  #frame(run: Run): DisplayData {
    if (host().kind === "terminal") return { data: { "text/plain": statusLine(run) } };
    const { layers } = run.history.expertLoad;
    const square = layers.length > 0 && layers.every(({ experts }) => experts === layers[0].experts);
    return liveTraining({
      series: seriesOf(run),
      totalSteps: run.steps,
      status: statusLine(run),
      ...(square ? { counts: layers.map(({ load, experts }) => recentLoad(load, experts)) } : {}),
    });
  }

  /** A picture that cannot be drawn must not end the training. */
  #show({ data, metadata }: DisplayData, update: boolean): void {
    const began = performance.now();
    try {
      host().display(data, { metadata, displayId: this.#displayId, update });
    } catch (error) {
      this.#broken = true;
      console.warn(`training goes on, but cannot be shown: ${(error as Error).message}`);
    }
    this.#drawn = performance.now();
    this.#drawingTime = this.#drawn - began;
  }
}

/** Records that the load panel adds up, so that it does not flicker. */
const loadRecords = 10;

function recentLoad(load: Float64Array, experts: number): number[] {
  const sums = new Array<number>(experts).fill(0);
  for (const [at, value] of load.subarray(-loadRecords * experts).entries()) sums[at % experts] += value;
  return sums;
}

function seriesOf({ history }: Run): Series[] {
  const { evaluation, metrics } = history;
  const shown: Series[] = [{ name: "training loss", steps: history.step, values: history.loss }];
  if (metrics.crossEntropy)
    shown.push({ name: "cross entropy", steps: history.step, values: metrics.crossEntropy });
  if (evaluation.step.length > 0) {
    shown.push({ name: "validation loss", steps: evaluation.step, values: evaluation.loss });
  }
  return shown;
}
