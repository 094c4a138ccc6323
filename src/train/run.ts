import { randomUUID } from "node:crypto";
import { scheduler } from "node:timers/promises";
import { inspect } from "node:util";
import type { Dataset } from "../data/dataset.js";
import { type DisplayData, displaySymbol, host, inBackground, type MimeBundle } from "../host.js";
import type { RoutingTables } from "../moe/statistics/routingTables.js";
import { tidy } from "../torch/lifetime.js";
import { type RunWarning, writeCheckpoint } from "./checkpoint.js";
import { evaluate } from "./evaluation.js";
import type { EvaluationRecord, History, StepRecord } from "./history.js";
import { LiveDisplay } from "./liveDisplay.js";
import type { LossScale } from "./lossScale.js";
import { SpikeDetector } from "./lossSpike.js";
import { advice } from "./nonFinite.js";
import type { Optimizer } from "./optimizers/optimizer.js";
import type { Precision } from "./precision.js";
import { statusLine } from "./progressText.js";
import { RoutingWatch } from "./routingWatch.js";
import type { Schedule } from "./schedules/schedule.js";
import type { Trainable } from "./trainable.js";
import { trainStep } from "./trainStep.js";

/** "stopped" by `stop()` or an interrupt, with all state kept; "failed" by an error in a step. */
export type RunStatus = "running" | "stopped" | "finished" | "failed";

/** What awaiting a run gives. */
export interface RunSummary {
  status: RunStatus;
  /** Steps done. */
  step: number;
  /** Steps planned. */
  steps: number;
  /** Of the last step. */
  loss: number;
  /** Of the last evaluation. */
  validationLoss?: number;
  /** Targets trained on. */
  tokens: number;
  /** Wall time of the steps, without evaluation and checkpoints. */
  seconds: number;
  tokensPerSecond: number;
  /** Folder of the last checkpoint. */
  checkpoint?: string;
}

/** Rejects an awaited run when the cell that waits is interrupted. Nothing is lost: `run.resume()` goes on. */
export class TrainingInterrupted extends Error {
  /** The web platform's name for work that was cancelled. */
  override readonly name = "AbortError";
}

/** Everything a run works with, all options resolved. @internal */
export interface RunPlan {
  model: Trainable;
  dataset: Dataset;
  optimizer: Optimizer;
  schedule: Schedule;
  steps: number;
  seed: number;
  clip: number;
  precision: Precision;
  accumulate: number;
  lossScale?: LossScale;
  onNonFinite: "stop" | "skip";
  /** Steps without a token after which an expert is dead. */
  deadExpertSteps: number;
  evaluate?: { every: number; batches: number };
  checkpoint?: { folder: string; every: number; keepLast: number };
  routingEvery: number;
}

/** Where a run starts. @internal */
export interface Beginning {
  step: number;
  history: History;
  /** Steps that made no update. */
  skipped: number;
  warnings: RunWarning[];
  checkpoint?: string;
}

/** The time from a start or a resumption to the next stop. */
interface Leg {
  promise: Promise<RunSummary>;
  resolve(summary: RunSummary): void;
  reject(error: unknown): void;
}

/**
 * A training run in the background. It takes turns with everything else after every step, so that other cells run
 * meanwhile. `await run` waits for its end; `for await (const step of run)` follows it step by step;
 * `run.attach()` shows it.
 *
 * When the cell that waits is interrupted, training stops after the step in progress, and what waits is rejected with
 * {@link TrainingInterrupted}; an interrupt of any other cell does not touch the run.
 */
export class Run implements PromiseLike<RunSummary>, AsyncIterable<StepRecord> {
  readonly steps: number;
  /** All records so far. */
  readonly history: History;
  /**
   * What was noticed on the way, each once: loss spikes, steps left out because something was not finite, experts that get
   * no tokens, routing that collapses. Checkpoints keep them.
   */
  readonly warnings: string[] = [];
  readonly #plan: RunPlan;
  readonly #spikes = new SpikeDetector();
  readonly #warned: RunWarning[] = [];
  readonly #routingWatch: RoutingWatch;
  readonly #display = new LiveDisplay(`moelab-run-${randomUUID()}`);
  #status: RunStatus = "stopped";
  #step: number;
  #skipped: number;
  #leg: Leg;
  #awaited = false;
  #stopRequest: "stop" | "interrupt" | undefined;
  #checkpoint: string | undefined;
  #savedStep = -1;
  #wake: (() => void)[] = [];
  #inStep = false;

  /** Made by `train.fit`. @internal */
  constructor(plan: RunPlan, begun: Beginning) {
    this.#plan = plan;
    this.steps = plan.steps;
    this.history = begun.history;
    this.#step = begun.step;
    this.#skipped = begun.skipped;
    this.#warned.push(...begun.warnings);
    this.warnings.push(...begun.warnings.map(({ text }) => text));
    this.#routingWatch = new RoutingWatch(plan.deadExpertSteps);
    this.#checkpoint = begun.checkpoint;
    if (begun.checkpoint) this.#savedStep = begun.step;
    this.#leg = newLeg();
    this.#start();
  }

  get status(): RunStatus {
    return this.#status;
  }

  /** Steps done. */
  get step(): number {
    return this.#step;
  }

  get model(): Trainable {
    return this.#plan.model;
  }

  get dataset(): Dataset {
    return this.#plan.dataset;
  }

  /** A snapshot of how the MoE layers have routed so far, as Arrow tables; see `routingEvery` of `train.fit`. */
  get routing(): RoutingTables {
    return this.history.routing;
  }

  /** What is known now; the same that awaiting gives in the end. */
  get summary(): RunSummary {
    const { history } = this;
    const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
    const tokens = sum(history.tokens);
    const seconds = sum(history.seconds);
    const validationLoss = history.evaluation.loss.at(-1);
    return {
      status: this.#status,
      step: this.#step,
      steps: this.steps,
      loss: history.loss.at(-1) ?? Number.NaN,
      ...(validationLoss === undefined ? {} : { validationLoss }),
      tokens,
      seconds,
      tokensPerSecond: seconds > 0 ? tokens / seconds : 0,
      ...(this.#checkpoint ? { checkpoint: this.#checkpoint } : {}),
    };
  }

  /**
   * Shows the run here and follows it: loss, tokens per second, time left, load of the experts. In a notebook it can
   * be called in any cell at any time, also after a reload of the page, whose older outputs no longer change.
   */
  attach(): void {
    this.#display.open(this);
    if (this.#status !== "running") void this.#display.settle(this);
  }

  /** Ends training after the step in progress. All state is kept: {@link resume} goes on. */
  async stop(): Promise<RunSummary> {
    if (this.#status === "running") this.#stopRequest ??= "stop";
    return this.#leg.promise.catch(() => this.summary);
  }

  /**
   * Goes on after {@link stop}, an interrupt or an error.
   * @returns this run, so that `await run.resume()` waits for its end
   */
  resume(): this {
    // A notebook can end code that runs for too long from outside, in the midst of a step: no code of it runs then.
    const ended = this.#inStep;
    if (this.#status === "running" && !ended) {
      this.#stopRequest = undefined;
    } else if (this.#status !== "finished") {
      this.#leg = newLeg();
      this.#start();
    }
    return this;
  }

  /** Waits for the end; see {@link Run}. Resolves with the status "stopped" after {@link stop}. */
  // biome-ignore lint/suspicious/noThenProperty: a run is awaited, it is its own promise
  then<Done = RunSummary, Failed = never>(
    onDone?: ((summary: RunSummary) => Done | PromiseLike<Done>) | null,
    onFailed?: ((reason: unknown) => Failed | PromiseLike<Failed>) | null,
  ): PromiseLike<Done | Failed> {
    return this.#whileWaiting(() => this.#leg.promise).then(onDone, onFailed);
  }

  /** Every step from the next one on; none is missed, however slow the loop. Leaving the loop does not stop the run. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StepRecord, void, void> {
    let next = this.history.length;
    const release = this.#listen();
    const leg = this.#leg;
    this.#awaited = true;
    try {
      for (;;) {
        while (next < this.history.length) yield this.history.at(next++)!;
        if (this.#status !== "running") break;
        await new Promise<void>((resolve) => this.#wake.push(resolve));
      }
      await leg.promise;
    } finally {
      release();
    }
  }

  async [displaySymbol](): Promise<MimeBundle | DisplayData> {
    if (this.#status === "running") {
      this.attach(); // an output of its own, since a result cannot be updated
      return {};
    }
    return this.#display.picture(this);
  }

  [inspect.custom](): string {
    return `Run: ${this.toString()}`;
  }

  toString(): string {
    return statusLine(this);
  }

  #start(): void {
    this.#status = "running";
    this.#stopRequest = undefined;
    this.#inStep = false;
    const leg = this.#leg;
    leg.promise.catch(() => {}); // whoever awaits it sees the error
    inBackground(leg.promise);
    void this.#train().then(
      () => leg.resolve(this.summary),
      (error) => {
        leg.reject(error);
        if (!this.#awaited) console.error(`training failed: ${(error as Error)?.message ?? error}`);
      },
    );
  }

  async #train(): Promise<void> {
    let error: unknown;
    try {
      await this.#steps();
      this.#status = this.#step >= this.steps ? "finished" : "stopped";
    } catch (caught) {
      this.#status = "failed";
      error = caught;
    }
    const interrupted = this.#status === "stopped" && this.#stopRequest === "interrupt";
    if (this.#display.opened) await this.#display.settle(this, error);
    this.#announce();
    if (error !== undefined) throw error;
    if (interrupted) {
      throw new TrainingInterrupted(
        `training was interrupted after step ${this.#step} of ${this.steps}. Weights, optimizer and place in the data ` +
          "are kept: go on with `await run.resume()`.",
      );
    }
  }

  async #steps(): Promise<void> {
    while (this.#step < this.steps) {
      // Not setImmediate: a notebook clears the timers of an interrupted cell, and the run would hang with them.
      await scheduler.yield();
      if (this.#stopRequest) break;
      this.#trainOneStep();
      await this.#evaluateWhenDue();
      this.#saveWhenDue();
      this.#announce();
      this.#display.step(this);
    }
    if (this.#step > 0) this.#saveWhenDue(true);
  }

  #trainOneStep(): void {
    const { model, dataset, optimizer, schedule, routingEvery, lossScale, onNonFinite, ...plan } = this.#plan;
    const index = this.#step;
    // The schedule goes by updates, as DeepSpeed's does.
    const updates = index - this.#skipped;
    const lr = optimizer.lr * schedule(updates, this.steps, optimizer.lr);
    const scale = lossScale?.scale;
    const began = performance.now();
    this.#inStep = true;
    const outcome = trainStep(model, optimizer, (step, of) => dataset.batch(step, of), {
      step: index,
      lr,
      momentum: schedule.momentum?.(updates, this.steps),
      seed: plan.seed,
      clip: plan.clip,
      precision: plan.precision,
      accumulate: plan.accumulate,
      lossScale: scale,
      withRouting: (index + 1) % routingEvery === 0 || index === 0,
      nonFinite: lossScale ? "skip" : onNonFinite,
    });
    this.#inStep = false;
    const seconds = (performance.now() - began) / 1000;
    const { loss, gradNorm, tokens, fault } = outcome;
    const metrics = scale === undefined ? outcome.metrics : { ...outcome.metrics, lossScale: scale };
    lossScale?.update(fault !== undefined);
    this.#step++;
    if (fault !== undefined) this.#skipped++;
    this.history.addStep({ step: this.#step, loss, gradNorm, lr, tokens, seconds, metrics });
    this.history.addRouting(this.#step, outcome.routing);
    this.#notice(loss, fault, scale);
    for (const [kind, text] of this.#routingWatch.see(this.#step, outcome.routing)) this.#warn(kind, text);
  }

  #notice(loss: number, fault: string | undefined, scale: number | undefined): void {
    if (fault !== undefined && scale !== undefined) {
      this.#warn(
        "overflow",
        `step ${this.#step} made no update: ${fault}, at a loss scale of ${scale}. The scale is lowered until gradients fit; ` +
          "that is usual in the first steps. More such steps are not told",
      );
    } else if (fault !== undefined) {
      const then = advice(this.#plan.precision);
      this.#warn(
        "non-finite",
        `step ${this.#step} made no update: ${fault}. ${then} More such steps are not told`,
      );
    }
    if (!Number.isFinite(loss)) return;
    const usual = this.#spikes.see(loss);
    if (usual !== undefined) {
      this.#warn(
        "spike",
        `the loss jumped to ${loss.toPrecision(4)} at step ${this.#step}, from about ${usual.toPrecision(4)}`,
      );
    }
  }

  async #evaluateWhenDue(): Promise<void> {
    const { model, dataset, evaluate: plan } = this.#plan;
    if (!plan || (this.#step % plan.every !== 0 && this.#step !== this.steps)) return;
    const result = await evaluate(model, dataset, {
      batches: plan.batches,
      precision: this.#plan.precision,
      cancelled: () => this.#stopRequest !== undefined,
    });
    if (!result) return;
    const record: EvaluationRecord = { step: this.#step, loss: result.loss, metrics: result.metrics };
    this.history.addEvaluation(record);
  }

  /** @param now also between the usual steps */
  #saveWhenDue(now = false): void {
    const { checkpoint: plan, model, optimizer, seed, lossScale } = this.#plan;
    if (!plan || (!now && this.#step % plan.every !== 0)) return;
    if (this.#savedStep === this.#step) return;
    const { history, steps } = this;
    const last = history.loss.at(-1) ?? null;
    const state = {
      step: this.#step,
      steps,
      seed,
      loss: Number.isFinite(last) ? last : null,
      skipped: this.#skipped,
      warnings: this.#warned,
      ...(lossScale ? { lossScale: lossScale.state() } : {}),
    };
    this.#checkpoint = tidy(() => {
      const content = { model: model.stateDict(), optimizer: optimizer.stateDict(), history, state };
      return writeCheckpoint(plan.folder, content, plan.keepLast);
    });
    this.#savedStep = this.#step;
  }

  #warn(kind: string, text: string): void {
    if (this.#warned.some((warning) => warning.kind === kind)) return;
    this.#warned.push({ kind, text, step: this.#step });
    this.warnings.push(text);
    console.warn(`training: ${text}`);
  }

  /** Wakes the loops that follow the run. */
  #announce(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  /** Lets an interrupt of the running cell stop the run for as long as something waits for it. */
  #whileWaiting(wait: () => Promise<RunSummary>): Promise<RunSummary> {
    this.#awaited = true;
    return wait().finally(this.#listen());
  }

  #listen(): () => void {
    const { signal } = host();
    const interrupt = () => {
      this.#stopRequest = "interrupt";
    };
    if (signal.aborted) interrupt();
    else signal.addEventListener("abort", interrupt, { once: true });
    return () => signal.removeEventListener("abort", interrupt);
  }
}

function newLeg(): Leg {
  let resolve: Leg["resolve"] = () => {};
  let reject: Leg["reject"] = () => {};
  const promise = new Promise<RunSummary>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}
