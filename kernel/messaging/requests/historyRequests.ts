import type { History } from "../history.js";
import type { RequestFamily } from "./request.js";

export function historyRequests(history: History): RequestFamily {
  return {
    history_request: ({ message }) => ({ status: "ok", history: history.find(message.content) }),
  };
}
