import type { History, HistoryQuery } from "../history/history.js";
import type { Fields } from "./fields.js";
import type { RequestFamily } from "./request.js";

export function historyRequests(history: History): RequestFamily {
  return {
    history_request: async ({ fields }) => {
      const withOutput = fields.flag("output", false);
      const found = await history.find(query(fields));
      return {
        status: "ok",
        history: found.map(({ session, line, source, output }) => [
          session,
          line,
          withOutput ? [source, output] : source,
        ]),
      };
    },
  };
}

function query(fields: Fields): HistoryQuery {
  const type = fields.word("hist_access_type", ["tail", "range", "search"]);
  // What is no number of entries, such as -1, asks for all.
  const asked = fields.integer("n", -1);
  const n = asked < 0 ? Number.POSITIVE_INFINITY : asked;
  switch (type) {
    case "tail":
      return { type, n };
    case "range": {
      const stop = fields.integer("stop", Number.NaN);
      return {
        type,
        session: fields.integer("session", 0),
        start: fields.integer("start", 0),
        stop: Number.isNaN(stop) ? null : stop,
      };
    }
    case "search":
      return { type, n, pattern: fields.text("pattern", "*"), unique: fields.flag("unique", false) };
  }
}
