import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";

/** Real ranks: processes that run a script of this folder. */

export interface RankOutcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RankOptions {
  arguments?: string[];
  environment?: Record<string, string>;
  /** What it is for one rank in particular. */
  environmentOf?: (rank: number) => NodeJS.ProcessEnv;
  /** Called with each rank's process and what it has printed so far. */
  onOutput?: (rank: number, stdout: string, kill: (signal?: NodeJS.Signals) => void) => void;
}

/** Runs `script` as so many ranks to their end. */
export async function runRanks(
  script: string,
  count: number,
  options: RankOptions = {},
): Promise<RankOutcome[]> {
  const port = await freePort();
  return Promise.all(
    Array.from({ length: count }, async (_, rank) => {
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, script), ...(options.arguments ?? [])],
        {
          env: {
            ...process.env,
            ...{ OMP_NUM_THREADS: "1", MOELAB_DIST_SECRET: "a secret of this test" },
            ...{ RANK: String(rank), WORLD_SIZE: String(count), LOCAL_RANK: String(rank) },
            ...{ MASTER_ADDR: "127.0.0.1", MASTER_PORT: String(port) },
            ...options.environment,
            ...options.environmentOf?.(rank),
          },
          stdio: ["ignore", "pipe", "pipe"],
        },
      );
      const outcome: RankOutcome = { code: null, signal: null, stdout: "", stderr: "" };
      child.stdout.on("data", (text) => {
        outcome.stdout += text;
        options.onOutput?.(rank, outcome.stdout, (signal = "SIGKILL") => child.kill(signal));
      });
      child.stderr.on("data", (text) => {
        outcome.stderr += text;
      });
      [outcome.code, outcome.signal] = await once(child, "close");
      return outcome;
    }),
  );
}

/** What each rank printed, as JSON; a rank that failed is an error. */
export async function resultsOfRanks<T>(script: string, count: number, options?: RankOptions): Promise<T[]> {
  const outcomes = await runRanks(script, count, options);
  const failed = outcomes.flatMap(({ code, stderr }, rank) =>
    code === 0 ? [] : [`rank ${rank}: ${stderr}`],
  );
  if (failed.length > 0) throw new Error(failed.join("\n"));
  return outcomes.map(({ stdout }) => JSON.parse(stdout) as T);
}

/** Outside of the range that the system gives to connections, so that none takes it before it is listened on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer().listen(port, "127.0.0.1");
    const free = await Promise.race([
      once(server, "listening").then(() => true),
      once(server, "error").then(() => false),
    ]).catch(() => false);
    server.close();
    if (free) return port;
  }
}
