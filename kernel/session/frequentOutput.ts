import type { ToKernel } from "../channel/messages.js";
import type { SessionEvent } from "./events.js";

/** The outputs of which there may be very many. */
export type FrequentOutput = Extract<
  SessionEvent,
  { type: "stream" | "display" | "updateDisplay" | "clearOutput" }
>;

/** Undefined for messages that are none. */
export function frequentOutput(message: ToKernel): FrequentOutput | undefined {
  switch (message.type) {
    case "stream":
      return { type: "stream", name: message.name, text: message.text };
    case "clearOutput":
      return { type: "clearOutput", wait: message.wait };
    case "display": {
      const { data, metadata, displayId, update } = message;
      if (!update) return { type: "display", data, metadata, displayId };
      return { type: "updateDisplay", data, metadata, displayId: displayId! };
    }
    default:
      return undefined;
  }
}

/** What a message counts for against the limit of unsent output; `jsonLength` is its own. */
export function unsentLength(message: ToKernel, jsonLength: number): number {
  if (message.type === "stream") return message.text.length;
  return message.type === "comm" ? message.size : jsonLength;
}
