import type { CommRequest, SessionEvent } from "../../session/events.js";
import { iopubMessage } from "../iopubMessage.js";
import type { Handler, Kernel, Request, RequestFamily } from "./request.js";

/**
 * Comms: what the front end sends is handed to the executor at once, whatever lane it names and also while cells run,
 * and what that sets off is published for it. Nothing queues behind a cell that awaits.
 */
export function comms(kernel: Kernel): RequestFamily {
  const deliver =
    (action: CommRequest["action"]): Handler =>
    async ({ message, fields }: Request) => {
      const request: CommRequest = {
        id: message.header.msg_id,
        action,
        comm: fields.text("comm_id"),
        target: action === "open" ? fields.text("target_name") : "",
        data: fields.mapping("data"),
        metadata: message.metadata,
        buffers: message.buffers,
      };
      const publish = (event: SessionEvent) => {
        const { type, content, ...attachments } = iopubMessage(event);
        kernel.publish(type, content, message.header, attachments);
      };
      await (await kernel.session).deliver(request, publish);
      return undefined;
    };
  return {
    comm_info_request: async ({ fields }) => {
      const open = (await kernel.session).comms(fields.text("target_name", "") || undefined);
      const entries = [...open].map(([id, target_name]) => [id, { target_name }]);
      return { status: "ok", comms: Object.fromEntries(entries) };
    },
    comm_open: deliver("open"),
    comm_msg: deliver("message"),
    comm_close: deliver("close"),
  };
}
