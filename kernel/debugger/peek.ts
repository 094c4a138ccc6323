import { inspect } from "node:util";
import { cellGlobal } from "../cells/cellGlobal.js";
import type { InspectorAnswer } from "../channel/messages.js";
import type { InspectorLink } from "./inspectorLink.js";

/** A main thread that takes longer to turn to its next task is busy, in milliseconds. */
const turnTime = 60;
/** Time for the expression and for its text, each; V8 ends what takes longer. */
const evaluationTime = 100;
/** V8 has no say while native code computes: then it does not answer in time. */
const answerTime = 300;

const objectGroup = "moelab.peek";

/**
 * What an expression gives, told between two instructions of the code that keeps the main thread busy. V8 itself sees to
 * it that the expression changes nothing: it stops with an error before the first effect.
 *
 * @returns its text, undefined for a value that is not shown; null when the expression is to run like any other,
 *   because the main thread is not busy, or it has effects, fails, or takes too long
 */
export async function peek(inspector: InspectorLink, expression: string): Promise<string | undefined | null> {
  const evaluate = async (parameters: object): Promise<InspectorAnswer> => {
    const [answer] = await inspector.askAll([{ method: "Runtime.evaluate", params: parameters }]);
    return answer;
  };
  // An evaluation in REPL mode ends with the current task of the main thread.
  if (await within(turnTime, evaluate({ expression: "0", replMode: true }))) return null;
  const safely = { objectGroup, silent: true, timeout: evaluationTime };
  const pure = { ...safely, expression: `(${expression})`, throwOnSideEffect: true };
  const value = resultOf(await within(answerTime, evaluate(pure)));
  if (!value || value.subtype === "promise") return null;
  if (value.type === "undefined") return undefined;
  if (value.unserializableValue !== undefined) return value.unserializableValue;
  if (value.objectId === undefined) return inspect(value.value);
  const text = { ...safely, expression: `${cellGlobal}.text((${expression}))` };
  const shown = resultOf(await within(answerTime, evaluate(text)));
  void inspector.askAll([{ method: "Runtime.releaseObjectGroup", params: { objectGroup } }]);
  return shown?.type === "string" ? shown.value : null;
}

/** The remote object; undefined when the evaluation failed or did not answer. */
function resultOf(answer: InspectorAnswer | undefined): any {
  if (!answer || "fault" in answer || answer.result.exceptionDetails) return undefined;
  return answer.result.result;
}

function within<T>(milliseconds: number, answer: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds, undefined);
    void answer.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
