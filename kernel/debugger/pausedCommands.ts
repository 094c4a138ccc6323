import { clientType } from "./clientVariable.js";
import { DapFault } from "./dap.js";
import type { Commands, DebugState } from "./debugState.js";
import { evaluate } from "./evaluation.js";
import { frameName } from "./frames.js";
import type { RemoteObject } from "./remoteObject.js";
import { typeText, valueText } from "./valueText.js";

/** What can be asked while a cell is paused: where it stands, what its variables are, what an expression gives. */
export function pausedCommands(state: DebugState): Commands {
  const { debuggee, pauses, pausedTree: tree } = state;

  /** TypeScript, in a frame or among the variables of cells. */
  async function valueBehind(expression: string, frameId?: number, harmless = false): Promise<RemoteObject> {
    const javascript = await debuggee.toJavaScript(expression);
    const callFrameId = frameId === undefined ? undefined : state.frame(frameId).call.callFrameId;
    return evaluate(debuggee, javascript, { callFrameId, objectGroup: state.pausedObjects, harmless });
  }

  async function shown(expression: string, value: RemoteObject) {
    const [{ value: text, type, variablesReference, indexedVariables }] = await tree.show([
      { name: expression, value, access: "property" },
    ]);
    return { value: text, type, variablesReference, indexedVariables };
  }

  return {
    stackTrace: ({ startFrame = 0, levels }) => {
      const frames = pauses.current?.frames ?? [];
      const end = levels ? startFrame + levels : undefined;
      return {
        stackFrames: frames.slice(startFrame, end).map((frame) => ({
          id: state.numberFrame(frame),
          name: frameName(frame),
          line: frame.place.line + 1,
          column: frame.place.column + 1,
          source: { name: frame.script.name, path: frame.script.path },
        })),
        totalFrames: frames.length,
      };
    },

    scopes: ({ frameId }) => ({ scopes: state.scopes.list(state.frame(frameId)) }),

    variables: async ({ variablesReference, filter, start, count }) => {
      const branch = tree.find(variablesReference) ?? state.inspectedTree.find(variablesReference);
      // JupyterLab also asks for what is inside a function.
      if (variablesReference === 0) return { variables: [] };
      if (!branch)
        throw new DapFault(
          `There is nothing to open under ${variablesReference}: the cell has gone on since.`,
        );
      const paging = filter === "indexed" ? { start: start ?? 0, count } : { start, count };
      return { variables: await branch.children(filter === "named" ? {} : paging) };
    },

    evaluate: async ({ expression, frameId, context }) => {
      const value = await valueBehind(String(expression), frameId, context === "hover");
      const { value: result, ...rest } = await shown(String(expression), value);
      return { result: value.type === "string" ? JSON.stringify(value.value) : result, ...rest };
    },

    setVariable: async ({ variablesReference, name, value: expression }) => {
      const branch = tree.find(variablesReference) ?? state.inspectedTree.find(variablesReference);
      if (!branch?.assign) throw new DapFault(`"${name}" cannot be given another value.`);
      const [frame] = pauses.current?.frames ?? [];
      const frameId = frame ? state.numberFrame(frame) : undefined;
      const value = await valueBehind(String(expression), frameId);
      await branch.assign(String(name), value);
      return await shown("", value);
    },

    setExpression: async ({ expression, value, frameId }) =>
      shown("", await valueBehind(`${expression} = (${value})`, frameId)),

    exceptionInfo: () => {
      const thrown = pauses.current?.exception;
      if (!thrown) throw new DapFault("The cell is not paused at an exception.");
      const description = valueText(thrown);
      return {
        exceptionId: typeText(thrown),
        description,
        breakMode: "always",
        details: {
          message: description,
          typeName: clientType(typeText(thrown)),
          stackTrace: thrown.description,
        },
      };
    },
  };
}
