import { closestName } from "./closestName.js";
import { moelabVersion } from "./installation.js";
import { UsageError } from "./usage.js";

const usage = `Usage: moelab COMMAND [arguments]

Commands:
  run NOTEBOOK.ipynb    runs a notebook and writes the executed one
  run SCRIPT.ts         runs a script
  kernel install        makes the kernel known to Jupyter
  kernel run FILE       runs the kernel on a Jupyter connection file
  doctor [--json]       says what works on this machine, and what to do about the rest

Options:
  -h, --help            this text; after a command, its own
      --version         the version
`;

type Command = (args: string[]) => Promise<number>;

// Each command is loaded when it is called, so that none waits for another's libraries.
const commands: Record<string, Command> = {
  run: async (args) => (await import("./run/runCommand.js")).runCommand(args),
  doctor: async (args) => (await import("./doctor.js")).doctor(args),
  kernel: (args) => call(kernelCommands, args, "moelab kernel"),
};

const kernelCommands: Record<string, Command> = {
  install: async (args) => (await (await import("./install/install.js")).installKernel(args)) ?? 0,
  run: async (args) => {
    const [connectionFile, ...more] = args;
    if (connectionFile === "--help" || connectionFile === "-h")
      return call(kernelCommands, ["--help"], "moelab kernel");
    if (connectionFile === undefined || more.length > 0) {
      throw new UsageError(
        `moelab kernel run: expected one connection file, got ${args.length || "nothing"}.`,
      );
    }
    // The compiler takes longest to start, so it goes ahead of what this process has to load.
    const { SeparateCompiler } = await import("./cells/separateCompiler.js");
    const compiler = new SeparateCompiler({ directory: process.cwd(), documentation: true });
    if (!("bundled" in import.meta)) {
      (await import("./cells/image/backgroundBuild.js")).buildImagesInBackground();
    }
    try {
      await (await import("./messaging/kernel.js")).runKernel(connectionFile, compiler);
    } finally {
      await compiler.close();
    }
    return 0;
  },
};

async function call(known: Record<string, Command>, args: string[], name: string): Promise<number> {
  const [command, ...rest] = args;
  if (command === "--help" || command === "-h" || command === "help") {
    process.stdout.write(usage);
    return 0;
  }
  if (command === "--version" && known === commands) {
    process.stdout.write(`${moelabVersion()}\n`);
    return 0;
  }
  if (command !== undefined && Object.hasOwn(known, command)) return known[command](rest);
  const names = Object.keys(known);
  if (command === undefined)
    throw new UsageError(
      `${name}: expected a command (${names.join(", ")}), got nothing.\n\n${usage.trimEnd()}`,
    );
  throw new UsageError(`${name}: unknown command ${command}. ${advice(command, names)}`);
}

function advice(command: string, names: string[]): string {
  if (/\.(ipynb|[cm]?[jt]s)$/.test(command)) return `Did you mean: moelab run ${command}?`;
  const closest = closestName(command, names);
  return closest ? `Did you mean ${closest}?` : `Known are ${names.join(", ")}.`;
}

/** @returns the exit code */
export async function main(args: string[]): Promise<number> {
  try {
    return await call(commands, args, "moelab");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!(error instanceof UsageError) && !code.startsWith("ERR_PARSE_ARGS")) throw error;
    process.stderr.write(`${(error as Error).message}\n`);
    return 2;
  }
}
