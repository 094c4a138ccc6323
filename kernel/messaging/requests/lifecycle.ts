import type { Request, RequestFamily } from "./request.js";

/** @param shutDown told of a request to end the kernel and of the reply to it; called before that is sent */
export function lifecycle(
  interrupt: () => Promise<void>,
  shutDown: (request: Request, reply: object) => void,
): RequestFamily {
  return {
    interrupt_request: async () => {
      await interrupt();
      return { status: "ok" };
    },
    shutdown_request: (request) => {
      const reply = { status: "ok", restart: request.fields.flag("restart", false) };
      shutDown(request, reply);
      return reply;
    },
  };
}
