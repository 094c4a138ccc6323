import type { MimeBundle } from "../../src/host.js";
import type { LiveOutput } from "../notebook/outputModel.js";

/** What a terminal shows of an output; always ends with a line break, except for a stream. */
export function outputText(output: LiveOutput): string {
  switch (output.output_type) {
    case "stream":
      return output.lines + output.lastLine;
    case "error":
      return endLine(output.traceback.join("\n") || `${output.ename}: ${output.evalue}`);
    default:
      return endLine(bundleText(output.data));
  }
}

/** A bundle's plain text; without one, its types are named. */
export function bundleText(data: MimeBundle): string {
  const text = data["text/plain"] ?? data["text/markdown"];
  if (typeof text === "string") return text;
  return `[${Object.keys(data).join(", ") || "empty output"}]`;
}

function endLine(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
