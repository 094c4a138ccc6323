import { type ParseArgsConfig, parseArgs } from "node:util";
import { closestName } from "./closestName.js";

/** The command line is wrong; the message says what was expected, what came and what to do. Exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/**
 * Checks that every option is known and has its value, before `parseArgs` is asked for the values.
 *
 * @param command named in errors, such as "moelab run"
 * @throws UsageError with the option that was probably meant
 */
export function checkOptions(
  args: string[],
  options: NonNullable<ParseArgsConfig["options"]>,
  command: string,
): void {
  const { tokens } = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true });
  const names = Object.keys(options);
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    if (!Object.hasOwn(options, token.name)) {
      const closest = closestName(token.name, names);
      const advice = closest
        ? `Did you mean --${closest}?`
        : `Known are ${names.map((name) => `--${name}`).join(", ")}.`;
      throw new UsageError(`${command}: unknown option ${token.rawName}. ${advice}`);
    }
    if (options[token.name].type === "string" && token.value === undefined) {
      throw new UsageError(`${command}: ${token.rawName} expects a value, got nothing.`);
    }
    if (options[token.name].type === "boolean" && token.value !== undefined) {
      throw new UsageError(`${command}: ${token.rawName} takes no value, got ${token.value}.`);
    }
  }
}
