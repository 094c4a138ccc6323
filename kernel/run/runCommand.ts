import { parseArgs } from "node:util";
import { checkOptions, UsageError } from "../usage.js";
import { exitCode } from "./exitCode.js";

const usage = `Usage: moelab run NOTEBOOK.ipynb [options]
       moelab run SCRIPT.ts [-- arguments]

Runs a notebook's code cells, or a script, and shows the output as it comes.

Options for notebooks:
  -o, --output FILE        where the executed notebook goes; default out/NAME.ipynb
      --inplace            writes into NOTEBOOK.ipynb itself
  -p, --parameter NAME=VALUE
                           sets a variable of the cell tagged "parameters"; may be repeated
      --allow-errors       goes on after a cell that fails
  -h, --help               this text; after a notebook, also its parameters

The executed notebook is written at the end of each cell, every 2 s, and when the run is stopped.
Notebooks run in their own folder. A cell tagged "raises-exception" may fail, one tagged "skip-execution" is left out.

Exit codes: 0 ok, 1 a cell failed, 2 wrong usage or parameters, 4 the executor died, 129 SIGHUP, 130 SIGINT, 143 SIGTERM;
a script's own when it calls process.exit
`;

const options = {
  output: { type: "string", short: "o" },
  inplace: { type: "boolean" },
  parameter: { type: "string", short: "p", multiple: true },
  "allow-errors": { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/**
 * `moelab run`.
 *
 * @param args what follows `run` on the command line
 * @returns the exit code
 * @throws UsageError
 */
export async function runCommand(args: string[]): Promise<number> {
  const end = args.indexOf("--");
  const [own, passedOn] = end < 0 ? [args, []] : [args.slice(0, end), args.slice(end + 1)];
  checkOptions(own, options, "moelab run");
  const { values, positionals } = parseArgs({ args: own, options, allowPositionals: true });
  const [path, ...more] = positionals;
  if (path === undefined && values.help) {
    process.stdout.write(usage);
    return exitCode.ok;
  }
  if (path === undefined) {
    throw new UsageError(`moelab run: expected a notebook or a script, got nothing.\n\n${usage.trimEnd()}`);
  }
  if (more.length > 0) {
    throw new UsageError(
      `moelab run: expected one file, got also ${more.join(" ")}. Arguments for a script come after --.`,
    );
  }
  if (path.endsWith(".ipynb")) {
    if (passedOn.length > 0) {
      throw new UsageError(
        `moelab run: a notebook takes no arguments after --. Set its parameters with -p NAME=VALUE.`,
      );
    }
    const { runNotebookFile, parametersHelp } = await import("./runNotebook.js");
    if (values.help) {
      process.stdout.write(`${usage}\n${await parametersHelp(path)}`);
      return exitCode.ok;
    }
    return runNotebookFile(path, {
      output: values.output,
      inplace: values.inplace,
      parameters: values.parameter ?? [],
      allowErrors: values["allow-errors"],
    });
  }
  if (values.help) {
    process.stdout.write(usage);
    return exitCode.ok;
  }
  if (!/\.[cm]?[jt]sx?$/.test(path)) {
    throw new UsageError(`moelab run: expected a file ending in .ipynb or .ts, got ${path}.`);
  }
  const notebookOnly = (["output", "inplace", "parameter", "allow-errors"] as const).find(
    (name) => values[name],
  );
  if (notebookOnly) {
    throw new UsageError(
      `moelab run: --${notebookOnly} is for notebooks; arguments for a script come after --.`,
    );
  }
  const { runScript } = await import("./runScript.js");
  return runScript(path, passedOn);
}
