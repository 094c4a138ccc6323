import type { Kernel, RequestFamily } from "./request.js";

/** Comms: nothing takes them yet; the other side is to know that nobody listens. */
export function comms(kernel: Kernel): RequestFamily {
  return {
    comm_info_request: () => ({ status: "ok", comms: {} }),
    comm_open: ({ message, fields }) => {
      kernel.publish("comm_close", { comm_id: fields.text("comm_id"), data: {} }, message.header);
      return undefined;
    },
    comm_msg: () => undefined,
    comm_close: () => undefined,
  };
}
