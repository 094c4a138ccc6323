import { DebugAdapter } from "../../debugger/debugAdapter.js";
import type { Message } from "../wire.js";
import type { Kernel, RequestFamily } from "./request.js";

/** The Debug Adapter Protocol inside Jupyter's messages: requests come by control, events go to all clients. */
export function debugRequests(kernel: Kernel): RequestFamily {
  let latest: Message["parentHeader"] = {};
  let adapter: Promise<DebugAdapter> | undefined;
  const opened = async () =>
    new DebugAdapter(await kernel.session, (event) => kernel.publish("debug_event", event, latest));

  return {
    debug_request: async ({ message, fields }) => {
      latest = message.header;
      adapter ??= opened();
      const { arguments: parameters } = message.content;
      return (await adapter).answer({
        seq: fields.integer("seq", 0),
        command: fields.text("command"),
        arguments: parameters ?? {},
      });
    },
  };
}
