import { cellGlobal } from "../cells/cellGlobal.js";
import { clientType } from "./clientVariable.js";
import { DapFault } from "./dap.js";
import type { Commands, DebugState } from "./debugState.js";
import { evaluate } from "./evaluation.js";
import { valueText } from "./valueText.js";
import { isIdentifier } from "./variableTree.js";

/** Jupyter's own requests about variables; the first two are also asked when nothing is being debugged. */
export function inspectionCommands(state: DebugState): Commands {
  const { debuggee, inspectedTree: tree, inspectedObjects: objectGroup } = state;

  return {
    inspectVariables: async () => {
      const { variables } = await debuggee.variables();
      state.forgetInspected();
      return {
        variables: variables.map(({ name, binding, type, value, expandable, tensor }) => ({
          name,
          value,
          type: clientType(type, tensor && value),
          evaluateName: name,
          variablesReference: expandable
            ? tree.add({
                expression: name,
                children: async (paging) => {
                  // The value that it has now.
                  const found = await evaluate(debuggee, binding, { objectGroup });
                  const [variable] = await tree.show([{ name, value: found, access: "property" }]);
                  return (await tree.find(variable.variablesReference)?.children(paging)) ?? [];
                },
              })
            : 0,
        })),
      };
    },

    richInspectVariables: async ({ variableName, frameId }) => {
      const nothing = { data: {}, metadata: {} };
      if (!isIdentifier(String(variableName))) return nothing;
      const name = await debuggee.toJavaScript(String(variableName));
      const paused = frameId !== undefined && state.pauses.current !== null;
      const callFrameId = paused ? state.frame(frameId).call.callFrameId : undefined;
      try {
        // A promise of a bundle does not come about while the executor is paused.
        const shown = `${cellGlobal}.show(${expression(name)})`;
        const javascript = paused ? `((shown) => shown instanceof Promise ? null : shown)(${shown})` : shown;
        const how = { callFrameId, objectGroup, returnByValue: true, awaitPromise: !paused };
        const bundle = await evaluate(debuggee, javascript, how);
        if (bundle.value) return bundle.value as object;
        const value = await evaluate(debuggee, expression(name), { callFrameId, objectGroup });
        return { data: { "text/plain": valueText(value) }, metadata: {} };
      } catch (fault) {
        if (fault instanceof DapFault) return nothing;
        throw fault;
      }
    },

    copyToGlobals: async ({ srcVariableName, dstVariableName, srcFrameId }) => {
      for (const name of [srcVariableName, dstVariableName]) {
        if (!isIdentifier(String(name))) throw new DapFault(`"${name}" is no name of a variable.`);
      }
      const { callFrameId } = state.frame(srcFrameId).call;
      const source = expression(await debuggee.toJavaScript(srcVariableName));
      const copied = `${cellGlobal}$copied`;
      await evaluate(debuggee, `void (globalThis.${copied} = ${source})`, { callFrameId, objectGroup });
      const declaration = await debuggee.declaration(dstVariableName, `(globalThis as any).${copied}`);
      // Answered only when the executor goes on; the next command is carried out after it all the same.
      void debuggee.inspector.askAll([
        { method: "Runtime.evaluate", params: { expression: declaration, replMode: true, silent: true } },
      ]);
      await evaluate(debuggee, `delete globalThis.${copied}`, { objectGroup });
      return undefined;
    },
  };
}

/** Without the semicolon that a statement ends in. */
function expression(javascript: string): string {
  return javascript.trim().replace(/;$/, "");
}
