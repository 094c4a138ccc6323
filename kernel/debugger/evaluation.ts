import { DapFault } from "./dap.js";
import type { Debuggee } from "./debuggee.js";
import type { RemoteObject } from "./remoteObject.js";

/** How long an expression may run, in milliseconds; V8 ends it then, or the executor would take no further command. */
const longestRun = 3000;

export interface Evaluation {
  /** V8's name for the frame whose variables are meant; without, those of cells. */
  callFrameId?: string;
  objectGroup: string;
  /** Ends with a fault as soon as something would be changed. Default false. */
  harmless?: boolean;
  awaitPromise?: boolean;
  returnByValue?: boolean;
}

/**
 * Runs JavaScript in the executor, while it is paused or between two instructions of whatever it runs.
 *
 * @throws DapFault with what it threw
 */
export async function evaluate(
  debuggee: Debuggee,
  javascript: string,
  how: Evaluation,
): Promise<RemoteObject> {
  const { callFrameId, harmless, awaitPromise, ...rest } = how;
  const parameters = {
    ...rest,
    expression: javascript,
    silent: true,
    generatePreview: true,
    timeout: longestRun,
    throwOnSideEffect: harmless ?? false,
  };
  const [answer] = await debuggee.inspector.askAll([
    callFrameId
      ? { method: "Debugger.evaluateOnCallFrame", params: { ...parameters, callFrameId } }
      : { method: "Runtime.evaluate", params: { ...parameters, awaitPromise } },
  ]);
  if ("fault" in answer) {
    throw new DapFault(
      /terminated/.test(answer.fault)
        ? `The expression was ended after ${longestRun / 1000} s.`
        : answer.fault,
    );
  }
  const { result, exceptionDetails } = answer.result;
  if (!exceptionDetails) return result;
  const thrown: RemoteObject | undefined = exceptionDetails.exception;
  throw new DapFault(String(thrown?.description ?? thrown?.value ?? exceptionDetails.text).split("\n", 1)[0]);
}
