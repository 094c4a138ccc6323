import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { host } from "../host.js";
import { TorchError } from "./errors.js";

/** Names a tensor in the engine. Negative once disposed. */
export type Handle = number;

/** What a position in an operator's schema takes, by the engine's names; "reduction" is `operator.ts`'s own. */
export type Kind =
  | "tensor"
  | "tensorList"
  | "optionalTensorList"
  | "scalar"
  | "scalarList"
  | "integer"
  | "integerList"
  | "real"
  | "realList"
  | "boolean"
  | "booleanList"
  | "string"
  | "device"
  | "dtype"
  | "layout"
  | "memoryFormat"
  | "generator"
  | "reduction"
  | "unsupported";

export interface ParameterDescription {
  /** As in the schema, snake case. */
  name: string;
  kind: Kind;
  optional: boolean;
  keywordOnly: boolean;
  /** The operator writes to this argument. */
  written: boolean;
  /** `int[2]`: one number stands for both; 0 when any length goes. */
  fixedLength: number;
  hasDefault: boolean;
}

export interface OverloadDescription {
  overload: string;
  /** The whole schema as PyTorch writes it. */
  schema: string;
  parameters: ParameterDescription[];
  returns: { name: string; kind: Kind; written: boolean }[];
}

export interface EngineSystem {
  libtorch: string;
  compiler: string;
  cuda: boolean;
  threads: number;
  parallelism: string;
}

/** The native addon, as `native/binding/module.cc` exports it. Nothing but `src/torch` calls it. */
export interface Addon {
  setErrorClass(errorClass: new (message: string, code: string, operator: string) => Error): void;
  describe(name: string): OverloadDescription[];
  lookUp(name: string, overload: string): number;
  call(operator: number, ...values: unknown[]): unknown;
  /** As `call` for an operator that returns one tensor, which the garbage collector then owns as `object`'s. */
  callTracked(object: object, operator: number, ...values: unknown[]): Handle | null;
  callInPlace(operator: number, ...values: unknown[]): void;
  listOperators(): string[];
  release(handle: Handle): void;
  /** Once `object` is collected, a sweep frees the handle. */
  track(object: object, handle: Handle): void;
  /** Frees handles whose objects have been collected. True when a full collection is due. */
  sweep(all: boolean): boolean;
  /** One int32 that the engine sets to 1 when a minor collection and a sweep are due. */
  collectionDue(): ArrayBuffer;
  usage(): { tensors: number; bytes: number };
  sizes(handle: Handle): number[];
  strides(handle: Handle): number[];
  dtype(handle: Handle): number;
  device(handle: Handle): string;
  storageOffset(handle: Handle): number;
  storagePointer(handle: Handle): bigint;
  requiresGradient(handle: Handle): boolean;
  setRequiresGradient(handle: Handle, value: boolean): void;
  isLeaf(handle: Handle): boolean;
  gradient(handle: Handle): Handle | null;
  setGradient(handle: Handle, gradient: Handle | null): void;
  gradientFunction(handle: Handle): string | null;
  setData(handle: Handle, data: Handle): void;
  backward(
    outputs: Handle[],
    gradients: (Handle | null)[] | null,
    retainGraph: boolean,
    createGraph: boolean,
    inputs: Handle[] | null,
  ): void;
  gradients(
    outputs: Handle[],
    inputs: Handle[],
    gradients: (Handle | null)[] | null,
    retainGraph: boolean,
    createGraph: boolean,
    allowUnused: boolean,
  ): (Handle | null)[];
  setGradientEnabled(enabled: boolean): boolean;
  isGradientEnabled(): boolean;
  setAutocast(device: string, dtype: number | null): number | null;
  attachRecomputation(
    name: string,
    inputs: Handle[],
    parameters: Handle[],
    outputs: Handle[],
    /** Takes over the handles. */
    rebuild: (inputs: Handle[]) => void,
  ): Handle[];
  offerRecomputed(outputs: Handle[], inputsAndParameters: Handle[]): void;
  attachFunction(
    name: string,
    inputs: (Handle | null)[],
    outputs: Handle[],
    backward: (gradients: (Handle | null)[]) => (Handle | null)[],
  ): Handle[];
  fromBuffer(
    buffer: ArrayBufferLike | ArrayBufferView,
    byteOffset: number,
    shape: readonly number[],
    dtype: number,
  ): Handle;
  toBuffer(handle: Handle): ArrayBuffer;
  copyTo(handle: Handle, target: ArrayBufferView): void;
  alignmentOf(buffer: ArrayBufferLike | ArrayBufferView): number;
  manualSeed(seed: number): void;
  randomState(device: string): Handle;
  setRandomState(device: string, state: Handle): void;
  setThreads(count: number): void;
  /** From now on operators of moelab's own end with an "INTERRUPTED" error while the number in `flag` is not 0. */
  watchForInterrupts(flag: Int32Array): void;
  system(): EngineSystem;
}

/** The folder that holds moelab's package.json: this file runs from `src/` in tests and from `dist/src/` otherwise. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = join(folder, "package.json");
    if (existsSync(file) && JSON.parse(readFileSync(file, "utf8")).name === "moelab") return folder;
    const parent = dirname(folder);
    if (parent === folder) throw new Error("moelab: its package.json was not found above its own code");
    folder = parent;
  }
}

export function addonPath(): string {
  return join(packageRoot(), "native/build/Release/moelab.node");
}

let loaded: Addon | undefined;

/** Whether anything has used the engine yet. */
export function isLoaded(): boolean {
  return loaded !== undefined;
}

/**
 * The engine, loaded at the first use.
 * @throws Error naming the cause and the fix when it is not built or does not load.
 */
export function addon(): Addon {
  if (loaded) return loaded;
  const path = addonPath();
  if (!existsSync(path)) {
    throw new Error(
      `moelab's engine is not built (expected ${path}): run \`npm run setup\` in moelab's folder`,
    );
  }
  // Idle OpenMP threads spin by default, and whatever shares the cores (the notebook's server, a browser, another
  // kernel) then stalls every parallel operator: 3.5 times the tokens per second on 2 busy cores without. Read when
  // libtorch loads.
  process.env.OMP_WAIT_POLICY ??= "passive";
  try {
    const engine = createRequire(import.meta.url)(path) as Addon;
    engine.setErrorClass(TorchError);
    const { interruptFlag } = host();
    if (interruptFlag) engine.watchForInterrupts(interruptFlag);
    loaded = engine;
  } catch (error) {
    throw new Error(
      `moelab's engine does not load: ${(error as Error).message}\n` +
        "  It may have been built for another libtorch: run `npm run setup` in moelab's folder, " +
        "and `moelab doctor` to see what is off.",
    );
  }
  return loaded;
}
