/** What stopped the set-up: one sentence for the cause, one for the fix. Printed as it is, without a stack. */
export class SetupError extends Error {
  constructor(cause, fix, { log } = {}) {
    super(cause);
    this.name = "SetupError";
    this.fix = fix;
    this.log = log;
  }

  toString() {
    const log = this.log ? `\n  log:   ${this.log}` : "";
    return `set-up stopped\n  cause: ${this.message}\n  fix:   ${this.fix}${log}`;
  }
}

/** Runs a program's main function; a SetupError ends it with exit code 1 and one short message. */
export async function main(body) {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`${error}\n`);
    process.exitCode = 1;
  }
}
