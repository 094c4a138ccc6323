import { inspect } from "node:util";
import type { CellCompiler } from "../cells/compiler.js";
import { Session } from "../session/session.js";
import { readConnectionFile } from "./connectionFile.js";
import { JupyterServer } from "./jupyterServer.js";
import { watchParent } from "./parentWatch.js";

/** Longest time that closing in an orderly way may take, in milliseconds. */
const closingTime = 4000;

/**
 * Runs a Jupyter kernel on a connection file until it is shut down, its parent is gone, or SIGTERM comes. SIGINT
 * interrupts the running cell. The notebook's directory is the working directory.
 *
 * @param compiler for the cells; closed by the caller
 */
export async function runKernel(connectionFile: string, compiler: CellCompiler): Promise<void> {
  const info = await readConnectionFile(connectionFile);
  surviveFaults();
  await new Promise<void>((resolve, reject) => {
    const server = new JupyterServer(
      info,
      (onBackground) => Session.start({ cwd: process.cwd(), compiler, comms: true, onBackground }),
      () => void close(),
    );
    let closing = false;
    const close = async () => {
      if (closing) return;
      closing = true;
      // Executors end by themselves when this process does.
      setTimeout(() => process.exit(1), closingTime).unref();
      await server.close();
      resolve();
    };
    // Without a session there is nothing to interrupt.
    process.on("SIGINT", () => void server.interrupt().catch(() => {}));
    process.on("SIGTERM", () => void close());
    watchParent(() => void close());
    server.open().catch(async (fault) => {
      // A port that is taken, for example.
      await server.close();
      reject(fault);
    });
  });
}

/** A fault of the kernel's own costs one message, not the notebook's variables; whoever started it reads of it. */
function surviveFaults(): void {
  const report = (fault: unknown) => process.stderr.write(`moelab kernel: ${inspect(fault)}\n`);
  process.on("uncaughtException", report);
  process.on("unhandledRejection", report);
}
