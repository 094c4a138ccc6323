import { closeSync, constants, openSync, readFileSync, readlinkSync, readSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { installationFolder } from "../installation.js";

/** `native/wakeUp/module.cc`. */
interface WakeUp {
  interruptCall(thread: number): boolean;
  setBlocking(descriptor: number, blocking: boolean): boolean;
}

/** Where a thread waits in the operating system. */
interface SystemCall {
  name: string;
  parameters: bigint[];
  /** The same for as long as it is the same call. */
  identity: string;
}

/** Numbers of the calls that are told apart or named to the user, by processor. */
const names: Partial<Record<NodeJS.Architecture, Record<number, string>>> = {
  x64: {
    0: "read",
    1: "write",
    2: "open",
    7: "poll",
    17: "pread64",
    18: "pwrite64",
    19: "readv",
    20: "writev",
    35: "nanosleep",
    42: "connect",
    43: "accept",
    45: "recvfrom",
    47: "recvmsg",
    61: "wait4",
    72: "fcntl",
    73: "flock",
    202: "futex",
    230: "clock_nanosleep",
    232: "epoll_wait",
    257: "openat",
    281: "epoll_pwait",
    288: "accept4",
  },
  arm64: {
    22: "epoll_pwait",
    25: "fcntl",
    32: "flock",
    56: "openat",
    63: "read",
    64: "write",
    65: "readv",
    66: "writev",
    67: "pread64",
    68: "pwrite64",
    73: "poll",
    98: "futex",
    101: "nanosleep",
    115: "clock_nanosleep",
    202: "accept",
    203: "connect",
    207: "recvfrom",
    212: "recvmsg",
    242: "accept4",
    260: "wait4",
  },
};

/** Calls whose first parameter is a descriptor that can be told not to wait. */
const onDescriptor = /^(p?(read|write)|accept|recv)/;

/**
 * The system calls in which the main thread waits, as the control worker sees them, and what ends them: where it waits,
 * V8 cannot reach it. Knows Linux; elsewhere, and where the engine was not built, nothing is ended.
 */
export class SystemCalls {
  #wakeUp: WakeUp | null | undefined;
  /** The call that was interrupted last. */
  #interrupted = "";
  /** Descriptors that are to wait again. */
  readonly #unblocked = new Set<number>();

  /**
   * Tries to end the call in which the main thread waits; called again, by stronger means. False when there is none, or
   * none that could be ended.
   */
  end(): boolean {
    const call = currentCall();
    // Native code that waits for another thread takes up its wait again, `execSync` its own for its process.
    if (!call || /^(futex|epoll_)/.test(call.name)) return false;
    if (call.name.startsWith("open")) return meetInOpening(call);
    const again = call.identity === this.#interrupted;
    this.#interrupted = call.identity;
    const [descriptor] = call.parameters;
    // Reading ends with EINTR; after it, Node takes up writing again.
    if (again && onDescriptor.test(call.name)) {
      if (this.#addon?.setBlocking(Number(descriptor), false)) this.#unblocked.add(Number(descriptor));
    }
    return this.#addon?.interruptCall(process.pid) ?? false;
  }

  /** The main thread runs JavaScript again. */
  ended(): void {
    for (const descriptor of this.#unblocked) this.#addon?.setBlocking(descriptor, true);
    this.#unblocked.clear();
    this.#interrupted = "";
  }

  /** The call in which the main thread waits, for the user; empty when there is none, or none that means something. */
  describe(): string {
    const call = currentCall();
    if (!call || call.name === "futex") return "";
    const file = call.name.startsWith("open") ? openedPath(call) : descriptorPath(call);
    return file ? `${call.name} of ${file}` : call.name;
  }

  get #addon(): WakeUp | null {
    if (this.#wakeUp === undefined) {
      const file = path.join(installationFolder, "native/build/Release/moelab_wake_up.node");
      try {
        this.#wakeUp = createRequire(import.meta.url)(file) as WakeUp;
      } catch {
        this.#wakeUp = null;
      }
    }
    return this.#wakeUp;
  }
}

function currentCall(): SystemCall | undefined {
  let identity: string;
  try {
    identity = readFileSync(`/proc/self/task/${process.pid}/syscall`, "utf8");
  } catch {
    return;
  }
  const [number, ...parameters] = identity.trim().split(" ");
  // "running", or -1 outside of calls.
  if (!/^\d+$/.test(number)) return;
  const name = names[process.arch]?.[Number(number)] ?? `call ${number}`;
  return { name, parameters: parameters.map(BigInt), identity };
}

/** Opening a named pipe waits for somebody at its other end, and Node goes on waiting when it is interrupted. */
function meetInOpening(call: SystemCall): boolean {
  try {
    const file = openedPath(call);
    if (!file || !statSync(file).isFIFO()) return false;
    closeSync(openSync(file, constants.O_RDWR | constants.O_NONBLOCK));
    return true;
  } catch {
    return false; // It is not ours to open.
  }
}

/** The path that is being opened, read from the memory of the call. */
function openedPath({ name, parameters }: SystemCall): string | undefined {
  const [folder, pointer] = name === "open" ? [undefined, parameters[0]] : parameters;
  const bytes = Buffer.alloc(4096);
  let memory: number | undefined;
  try {
    memory = openSync("/proc/self/mem", "r");
    const length = readSync(memory, bytes, 0, bytes.length, pointer);
    const end = bytes.indexOf(0);
    if (end <= 0 || end >= length) return;
    const file = bytes.toString("utf8", 0, end);
    const descriptor = folder === undefined ? -1 : Number(BigInt.asIntN(32, folder));
    return path.resolve(descriptor < 0 ? process.cwd() : `/proc/self/fd/${descriptor}`, file);
  } catch {
    return;
  } finally {
    if (memory !== undefined) closeSync(memory);
  }
}

function descriptorPath({ name, parameters }: SystemCall): string | undefined {
  if (!onDescriptor.test(name) && name !== "flock" && name !== "fcntl") return;
  try {
    return readlinkSync(`/proc/self/fd/${parameters[0]}`);
  } catch {
    return;
  }
}
