import type { Session } from "../../session/session.js";
import type { Message } from "../wire.js";
import type { Fields } from "./fields.js";

export type RequestChannel = "shell" | "control" | "stdin";

/** A message from a client, on its way to whoever answers it. */
export interface Request {
  /** The message type, for example "execute_request". */
  readonly type: string;
  /** Where it came by; its reply goes back the same way. */
  readonly channel: RequestChannel;
  readonly message: Message;
  /** Its content, field by field. */
  readonly fields: Fields;
  /** The lane of the session that its subshell stands for; the main lane when it names none. */
  readonly lane: string;
}

/** The content of the reply; undefined for messages that have none. What is thrown becomes an error reply. */
export type Reply = object | undefined;
export type Handler = (request: Request) => Reply | Promise<Reply>;

/**
 * Message type → who answers it. A file of this folder makes one for each family of requests. Handlers run between
 * `busy` and `idle`, as soon as the message comes, also while cells run.
 */
export type RequestFamily = Readonly<Record<string, Handler>>;

/** What goes with a message beside its content. */
export interface Attachments {
  metadata?: object;
  buffers?: readonly Uint8Array[];
}

/** What the families of requests stand on. */
export interface Kernel {
  /** Rejects when no executor could be started. */
  readonly session: Promise<Session>;
  /** Publishes to all clients; `parent` is the header of the request that caused it. */
  publish(
    type: string,
    content: object,
    parent: Message["parentHeader"],
    attachments?: Attachments,
  ): Promise<void> | undefined;
  /** Resolves when the outputs that were published are sent, which clients that take little may delay. */
  outputsSent(): Promise<void>;
  /** Sends to the client of a request, on any channel. */
  send(channel: RequestChannel, request: Request, type: string, content: object): void;
}
