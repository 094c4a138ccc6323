import { setTimeout as sleep } from "node:timers/promises";
import { cellGlobal } from "../cells/cellGlobal.js";
import { clientType } from "./clientVariable.js";
import { DapFault } from "./dap.js";
import type { Commands, DebugState } from "./debugState.js";
import { evaluate } from "./evaluation.js";
import { valueText } from "./valueText.js";
import { isIdentifier } from "./variableTree.js";

/** How long a value's own way to show itself may take, in milliseconds. */
const patience = 2000;

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
        const shown = `${cellGlobal}.show(${name})`;
        const how = { callFrameId, objectGroup, returnByValue: true };
        const atOnce = `((shown) => shown instanceof Promise ? null : shown)(${shown})`;
        const { value: bundle } = await evaluate(debuggee, atOnce, how);
        if (bundle) return bundle as object;
        // A promise of a bundle does not come about while the executor is paused or busy.
        const later = paused ? undefined : evaluate(debuggee, shown, { ...how, awaitPromise: true });
        const promised = await Promise.race([later, sleep(patience, undefined, { ref: false })]);
        if (promised?.value) return promised.value as object;
        const value = await evaluate(debuggee, name, { callFrameId, objectGroup });
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
      const source = await debuggee.toJavaScript(srcVariableName);
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
