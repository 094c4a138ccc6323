import type { CellError, SessionEvent } from "../session/events.js";

interface IopubMessage {
  type: string;
  content: object;
  /** Only comm messages have some. */
  metadata?: object;
  buffers?: readonly Uint8Array[];
}

/** The Jupyter message that publishes an event. */
export function iopubMessage(event: SessionEvent): IopubMessage {
  switch (event.type) {
    case "stream":
      return { type: "stream", content: { name: event.name, text: event.text } };
    case "display":
    case "updateDisplay": {
      const { data, metadata, displayId } = event;
      // Clients read `transient` as a mapping; null would crash them.
      const transient = displayId === undefined ? {} : { display_id: displayId };
      const type = event.type === "display" ? "display_data" : "update_display_data";
      return { type, content: { data, metadata, transient } };
    }
    case "clearOutput":
      return { type: "clear_output", content: { wait: event.wait } };
    case "result": {
      const { data, metadata, executionCount } = event;
      return { type: "execute_result", content: { data, metadata, execution_count: executionCount } };
    }
    case "comm": {
      const { action, comm: comm_id, target: target_name, data, metadata, buffers } = event;
      const type = action === "message" ? "comm_msg" : `comm_${action}`;
      const content = action === "open" ? { comm_id, target_name, data } : { comm_id, data };
      return { type, content, metadata, buffers };
    }
    case "error":
      return { type: "error", content: errorContent(event.error) };
  }
}

/** The fields of an error in `error` and in replies. */
export function errorContent({ name, message, traceback }: CellError) {
  return { ename: name, evalue: message, traceback };
}
