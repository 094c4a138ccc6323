import process from "node:process";
import { inspect } from "node:util";
import { type LineMagic, MagicError } from "./magic.js";

interface Environment {
  name?: string;
  value?: string;
}

/** Values of such variables are not listed; whoever asks for one by name gets it. */
const secret = /key|token|secret|password|credential/i;

export const env: LineMagic = {
  name: "env",
  summary: "Lists, shows or sets environment variables.",
  argument: "[NAME | NAME=VALUE | NAME VALUE]",

  read(argument): Environment {
    if (argument === "") return {};
    const parts = /^([^\s=]+)(?:\s*=\s*|\s+|$)([\s\S]*)$/.exec(argument);
    if (!parts) throw new MagicError(`%env: expected NAME, NAME=VALUE or NAME VALUE, got ${argument}.`);
    const [whole, name, value] = parts;
    return whole === name ? { name } : { name, value };
  },

  async run({ name, value }: Environment, cell) {
    const answer = await cell.call("environment", { name, value });
    if (name === undefined) {
      const lines = Object.entries(answer)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, text]) => `${key}=${secret.test(key) ? "<hidden>" : text}\n`);
      cell.emit({ type: "stream", name: "stdout", text: lines.join("") });
    } else if (value !== undefined) {
      cell.emit({ type: "stream", name: "stdout", text: `env: ${name}=${value}\n` });
    } else if (answer[name] === undefined) {
      throw new MagicError(`%env: ${name} is not set. Set it with %env ${name}=VALUE.`);
    } else {
      const data = { "text/plain": inspect(answer[name]) };
      cell.emit({ type: "result", data, metadata: {}, executionCount: cell.executionCount });
    }
  },

  complete: () => Object.keys(process.env),
};
