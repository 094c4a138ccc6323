import { randomUUID } from "node:crypto";
import { mainLane } from "../../session/lanes.js";
import type { Header } from "../wire.js";
import { InvalidRequest } from "./fields.js";
import type { RequestFamily } from "./request.js";

/** Subshells (JEP 91): each is a lane of the session, so that its cells run beside those of the main shell. */
export class Subshells {
  readonly #ids = new Set<string>();

  /** @throws InvalidRequest when the header names a subshell that is not there */
  laneOf(header: Header): string {
    const id = header.subshell_id ?? null;
    if (id === null) return mainLane;
    if (!this.#ids.has(id)) throw this.#unknown(header.msg_type, id);
    return id;
  }

  /** @param onDelete called for a lane that takes no more requests */
  requests(onDelete: (lane: string) => void): RequestFamily {
    return {
      create_subshell_request: () => {
        const id = randomUUID();
        this.#ids.add(id);
        return { status: "ok", subshell_id: id };
      },
      delete_subshell_request: ({ type, fields }) => {
        const id = fields.text("subshell_id");
        if (!this.#ids.delete(id)) throw this.#unknown(type, id);
        onDelete(id);
        return { status: "ok" };
      },
      list_subshell_request: () => ({ status: "ok", subshell_id: [...this.#ids] }),
    };
  }

  #unknown(type: string, id: unknown): InvalidRequest {
    const known = this.#ids.size === 0 ? "there is none" : `known are ${[...this.#ids].join(", ")}`;
    return new InvalidRequest(
      `${type}: expected the id of a subshell (${known}), got ${JSON.stringify(id)}.`,
    );
  }
}
