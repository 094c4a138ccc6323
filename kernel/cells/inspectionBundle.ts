import type { MimeBundle } from "../../src/host.js";
import type { Inspection } from "./compiler.js";

/** A declaration and its documentation, as clients show them. */
export function inspectionBundle({ signature, documentation }: Inspection): MimeBundle {
  return {
    "text/plain": documentation === "" ? signature : `${signature}\n\n${documentation}`,
    "text/markdown": `\`\`\`typescript\n${signature}\n\`\`\`\n\n${documentation}`,
  };
}
