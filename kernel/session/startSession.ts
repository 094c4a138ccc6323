import { SeparateCompiler } from "../cells/separateCompiler.js";
import type { Session, SessionOptions } from "./session.js";

/**
 * Starts a session with as little waiting as possible: the compiler, which takes longest, goes ahead of what this process
 * has to load. Its cells are run, not edited, and what follows the last of them needs a whole compiler.
 */
export async function startSession(options: SessionOptions): Promise<Session> {
  const compiler = new SeparateCompiler({ directory: options.cwd, documentation: false, lean: false });
  const { Session } = await import("./session.js");
  return await Session.start({ compiler, ...options });
}
