import type { WriteStream } from "node:tty";

/** Where a run is shown: the process's own output, or one that a test looks into. */
export interface Terminal {
  /** Whether text can be replaced in place. */
  readonly inPlace: boolean;
  /** Whether stderr appears between the lines of stdout. */
  readonly oneWindow: boolean;
  readonly colour: boolean;
  /** Both in characters; what a log gets when there is no window. */
  readonly columns: number;
  readonly rows: number;
  write(text: string, stream?: "stdout" | "stderr"): void;
  /** Resolves when everything written has been handed over. */
  drained(): Promise<void>;
}

/** The terminal, file or pipe that the process writes to. Colour follows NO_COLOR and FORCE_COLOR. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  const inPlace = Boolean(stdout.isTTY && process.env.TERM !== "dumb");
  const oneWindow = inPlace && stderr.isTTY;
  for (const stream of [stdout, stderr]) {
    // Whoever read the output has gone (`| head`); the run goes on, its notebook is worth having.
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
  return {
    inPlace,
    oneWindow,
    colour: usesColour(stdout),
    get columns() {
      return stdout.columns || 100;
    },
    get rows() {
      return stdout.rows || 24;
    },
    write(text, stream = "stdout") {
      // In one window, one stream keeps the order.
      (stream === "stdout" || oneWindow ? stdout : stderr).write(text);
    },
    async drained() {
      await Promise.all(
        [stdout, stderr].map((stream) => new Promise((resolve) => stream.write("", resolve))),
      );
    },
  };
}

function usesColour(stream: NodeJS.WriteStream & Partial<WriteStream>): boolean {
  if (process.env.NO_COLOR) return false;
  if (process.env.FORCE_COLOR) return process.env.FORCE_COLOR !== "0";
  return Boolean(stream.isTTY && stream.hasColors?.());
}
