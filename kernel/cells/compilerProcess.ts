import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { type CompilerReply, type CompilerSettings, channelDescriptor } from "./compilerRequests.js";
import { type ImageKind, imageEnvironment, imageFiles, imageOptions } from "./image/imageFile.js";

const program = fileURLToPath(new URL("./compilerProgram.js", import.meta.url));

/** Characters of standard error that are kept for a report. */
const keptErrors = 4000;

export function hasImage(kind: ImageKind): boolean {
  return existsSync(imageFiles[kind]);
}

export interface CompilerListener {
  reply(reply: CompilerReply): void;
  /** `started` is false for one that never got ready. Called once; not after {@link CompilerProcess.stop}. */
  ended(cause: string, started: boolean): void;
}

/** One compiler process: started, talked to, ended. It ends by itself when this process does. */
export class CompilerProcess {
  /** The image that it started from, if any. */
  readonly image: string | undefined;
  readonly #child: ChildProcess;
  readonly #channel: Duplex;
  #ready = false;
  #stopped = false;
  #errors = "";

  /** @param image what to start from, if there is one; one that knows all starts from nothing as well */
  constructor(
    { directory, documentation }: CompilerSettings,
    image: ImageKind | null,
    listener: CompilerListener,
  ) {
    this.image = image !== null && hasImage(image) ? imageFiles[image] : undefined;
    const from = this.image ? ["--snapshot-blob", this.image] : [];
    // A group of its own: a Ctrl-C in the terminal is not for it.
    this.#child = spawn(process.execPath, [...imageOptions, ...from, program, String(documentation)], {
      cwd: directory,
      env: imageEnvironment(),
      detached: true,
      stdio: ["ignore", "ignore", "pipe", "pipe"],
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-keptErrors);
    });
    this.#channel = this.#child.stdio[channelDescriptor] as Duplex;
    this.#channel.on("error", () => {});
    this.#read((reply) => {
      if ("ready" in reply) this.#ready = true;
      listener.reply(reply);
    });
    void this.#end(listener);
  }

  /** Whether it takes requests; what was sent before is not lost. */
  get ready(): boolean {
    return this.#ready;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(line: string): void {
    this.#channel.write(line);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const { exitCode, signalCode } = this.#child;
    if (this.#child.pid === undefined || exitCode !== null || signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exit;
  }

  #read(receive: (reply: CompilerReply) => void): void {
    let unread = "";
    this.#channel.setEncoding("utf8").on("data", (text: string) => {
      const lines = (unread + text).split("\n");
      unread = lines.pop()!;
      for (const line of lines) receive(JSON.parse(line));
    });
  }

  async #end(listener: CompilerListener): Promise<void> {
    let cause: string;
    try {
      const [code, signal] = await once(this.#child, "close");
      cause = signal ? `signal ${signal}` : `exit code ${code}`;
    } catch (fault) {
      cause = (fault as Error).message;
    }
    if (this.#stopped) return;
    if (!this.#ready && this.image) rmSync(this.image, { force: true });
    const errors = this.#errors.trim();
    listener.ended(errors === "" ? cause : `${cause}\n${errors}`, this.#ready);
  }
}
