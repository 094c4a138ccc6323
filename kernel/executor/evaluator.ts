import { Session } from "node:inspector";

/** How a script ended; `terminated` when the control worker stopped it. */
export type Evaluation =
  | { type: "value"; value: unknown }
  | { type: "thrown"; thrown: unknown }
  | { type: "terminated" };

/**
 * Runs scripts in V8's REPL mode: names may be declared again, `await` stands anywhere, variables live on after an
 * error. One evaluator serves one cell at a time. Its session belongs to the main thread, because termination from
 * another thread's session does not reach a script that this same session runs.
 */
export class Evaluator {
  readonly #session = new Session();
  readonly #receiver = { value: undefined as unknown };
  #receiverId = "";

  async open(): Promise<void> {
    this.#session.connect();
    const key = "moelab$receiver";
    (globalThis as any)[key] = this.#receiver;
    const opened = this.#post("Runtime.evaluate", { expression: key });
    delete (globalThis as any)[key];
    this.#receiverId = (await opened).result.objectId;
  }

  /**
   * Forgets a script that was given up before it ended. Of a promise that is lost meanwhile V8 would tell the session
   * from within a garbage collection, where Node 22 and later abort rather than listen. Node also waits for connected
   * sessions when it exits, and says so.
   */
  close(): void {
    this.#session.disconnect();
  }

  async evaluate(javascript: string): Promise<Evaluation> {
    let answer: any;
    try {
      answer = await this.#post("Runtime.evaluate", {
        expression: javascript,
        replMode: true,
        awaitPromise: true,
        objectGroup: "cell",
      });
    } catch {
      return { type: "terminated" };
    }
    const { exceptionDetails, result } = answer;
    if (exceptionDetails && !exceptionDetails.exception) return { type: "terminated" };
    const { value } = await this.#valueOf(exceptionDetails?.exception ?? result);
    // The session would keep every value alive that it ever handed out.
    await this.#post("Runtime.releaseObjectGroup", { objectGroup: "cell" });
    return exceptionDetails ? { type: "thrown", thrown: value } : { type: "value", value };
  }

  /** The value behind the description that the inspector gives; wrapped, or a thenable would be awaited. */
  async #valueOf({ objectId, unserializableValue, value }: any): Promise<{ value: unknown }> {
    await this.#post("Runtime.callFunctionOn", {
      objectId: this.#receiverId,
      functionDeclaration: "function (value) { this.value = value; }",
      arguments: [objectId ? { objectId } : unserializableValue ? { unserializableValue } : { value }],
    });
    const found = this.#receiver.value;
    this.#receiver.value = undefined;
    return { value: found };
  }

  #post(method: string, parameters: object): Promise<any> {
    return new Promise((resolve, reject) => {
      this.#session.post(method, parameters as any, (fault: any, result: any) => {
        if (fault) reject(new Error(fault.message));
        else resolve(result);
      });
    });
  }
}
