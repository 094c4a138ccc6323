import { benchmarks } from "./benchmarks.js";
import { describeMachine } from "./harness/machine.js";

/** `node dist/bench/cli.js NAME`: one JSON object on stdout, progress on stderr. */
async function main(args: string[]): Promise<number> {
  const [name] = args;
  const entry = name === undefined || !Object.hasOwn(benchmarks, name) ? undefined : benchmarks[name];
  if (!entry) {
    const list = Object.entries(benchmarks).map(([each, { summary }]) => `  ${each.padEnd(14)} ${summary}`);
    const problem = name === undefined ? "Which benchmark?" : `There is no benchmark '${name}'.`;
    process.stderr.write(`${problem} Usage: npm run -s bench -- NAME, with one of\n${list.join("\n")}\n`);
    return name === undefined ? 0 : 1;
  }
  const { benchmark } = await entry.load();
  const cases = await benchmark.run((line) => process.stderr.write(`${line}\n`));
  process.stdout.write(`${JSON.stringify({ name, cases, machine: describeMachine() }, null, 2)}\n`);
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  },
);
