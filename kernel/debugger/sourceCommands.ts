import { readFile } from "node:fs/promises";
import { DapFault } from "./dap.js";
import type { Commands, DebugState } from "./debugState.js";

/** Sources and the breakpoints in them. */
export function sourceCommands({ debuggee, files, scripts, breakpoints }: DebugState): Commands {
  return {
    dumpCell: ({ code }) => ({ sourcePath: files.add(String(code)) }),

    source: async ({ source, sourceReference }) => {
      const path = String(source?.path ?? "");
      const content = files.codeOf(path) ?? (await fileText(path));
      if (content === undefined) throw new DapFault(`No source is known by ${path || sourceReference}.`);
      return { content, mimeType: "text/typescript" };
    },

    setBreakpoints: async ({ source, breakpoints: requested = [], lines }) => ({
      breakpoints: await breakpoints.replace(
        String(source?.path),
        lines && requested.length === 0 ? lines.map((line: number) => ({ line })) : requested,
      ),
    }),

    modules: ({ startModule = 0, moduleCount }) => {
      const modules = scripts.modules.map(({ path, name }, id) => ({ id, name, path }));
      const end = moduleCount ? startModule + moduleCount : undefined;
      return { modules: modules.slice(startModule, end), totalModules: modules.length };
    },
  };

  /** Of a file that runs, as it was when it was loaded; of one that does not, nothing. */
  async function fileText(path: string): Promise<string | undefined> {
    const script = scripts.of(path).at(-1);
    if (!script) return undefined;
    if (script.source !== undefined) return script.source;
    const [answer] = await debuggee.inspector.askAll([
      { method: "Debugger.getScriptSource", params: { scriptId: scripts.idOf(path) } },
    ]);
    return "result" in answer ? answer.result.scriptSource : await readFile(path, "utf8");
  }
}
