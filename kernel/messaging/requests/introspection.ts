import { inspectionBundle } from "../../cells/inspectionBundle.js";
import { toCodepoints, toUtf16 } from "../codepoints.js";
import type { Kernel, Request, RequestFamily } from "./request.js";

/** What an editor asks about code that has not run. */
export function introspection(kernel: Kernel): RequestFamily {
  return {
    complete_request: async (request) => {
      const { code, cursor } = place(request);
      const result = await (await kernel.session).complete(code, cursor);
      const start = toCodepoints(code, result.start);
      const end = toCodepoints(code, result.end);
      const types = result.completions.map(({ text, kind }) => ({ text, type: kind, start, end }));
      return {
        status: "ok",
        matches: result.completions.map(({ text }) => text),
        cursor_start: start,
        cursor_end: end,
        metadata: { _jupyter_types_experimental: types },
      };
    },

    inspect_request: async (request) => {
      const { code, cursor } = place(request);
      const found = await (await kernel.session).inspect(code, cursor);
      if (!found) return { status: "ok", found: false, data: {}, metadata: {} };
      return { status: "ok", found: true, data: inspectionBundle(found), metadata: {} };
    },

    is_complete_request: async ({ fields }) => {
      const code = fields.text("code");
      return await (await kernel.session).isComplete(code);
    },
  };
}

/** Code and the cursor in it, in UTF-16 units; what lies outside of the code counts as its nearest end. */
function place({ fields }: Request): { code: string; cursor: number } {
  const code = fields.text("code");
  return { code, cursor: toUtf16(code, fields.integer("cursor_pos", Number.POSITIVE_INFINITY)) };
}
