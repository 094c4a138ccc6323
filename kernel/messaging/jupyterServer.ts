import type { Emission, SessionEvent } from "../session/events.js";
import { kernelFault } from "../session/kernelFault.js";
import { mainLane } from "../session/lanes.js";
import type { Session } from "../session/session.js";
import type { ConnectionInfo } from "./connectionFile.js";
import { History } from "./history/history.js";
import { HistoryFolder, historyFolder } from "./history/historyFolder.js";
import { errorContent } from "./iopubMessage.js";
import { KernelSockets } from "./kernelSockets.js";
import { outputLimits } from "./outputPace.js";
import { about } from "./requests/about.js";
import { comms } from "./requests/comms.js";
import { debugRequests } from "./requests/debugRequests.js";
import { Executions } from "./requests/executions.js";
import { Fields, InvalidRequest } from "./requests/fields.js";
import { historyRequests } from "./requests/historyRequests.js";
import { InputRequests } from "./requests/inputRequests.js";
import { introspection } from "./requests/introspection.js";
import { lifecycle } from "./requests/lifecycle.js";
import type { Handler, Kernel, Reply, Request, RequestChannel, RequestFamily } from "./requests/request.js";
import { Subshells } from "./requests/subshells.js";
import { usage } from "./requests/usage.js";
import type { Message } from "./wire.js";

/**
 * Speaks the Jupyter protocol for a session: hands each message to the family of requests that answers it. All but
 * executions are answered at once, also while cells run.
 */
export class JupyterServer {
  readonly #sockets: KernelSockets;
  readonly #session: Promise<Session>;
  readonly #history: History;
  readonly #input: InputRequests;
  readonly #executions: Executions;
  readonly #subshells = new Subshells();
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #executing = new Set<Message>();
  readonly #onShutdown: () => void;
  #shutdown: { request: Request; reply: object } | null = null;

  /**
   * `startSession` gets the sink for what cells output after their end; `onShutdown` is called after the reply to a
   * shutdown request was queued.
   */
  constructor(
    info: ConnectionInfo,
    startSession: (onBackground: (event: SessionEvent, cellId: string) => Emission) => Promise<Session>,
    onShutdown: () => void,
  ) {
    this.#sockets = new KernelSockets(info, outputLimits(process.env));
    this.#onShutdown = onShutdown;
    this.#session = startSession((event, cellId) => this.#executions.publishLate(event, cellId));
    this.#session.catch(() => {});
    const kernel: Kernel = {
      session: this.#session,
      publish: (type, content, parent, attachments) =>
        this.#sockets.publish(type, content, parent, attachments),
      outputsSent: () => this.#sockets.outputsSent(),
      send: (channel, { message }, type, content) => this.#sockets.reply(channel, message, type, content),
    };
    const folder = historyFolder();
    this.#history = new History(folder === null ? null : new HistoryFolder(folder));
    this.#input = new InputRequests(kernel);
    const answer = (request: Request, handler: Handler) => this.#answer(request, handler);
    this.#executions = new Executions(kernel, answer, this.#history, this.#input);
    const families: RequestFamily = {
      ...about(info),
      ...introspection(kernel),
      ...historyRequests(this.#history),
      ...comms(kernel),
      ...usage(),
      ...debugRequests(kernel),
      ...this.#subshells.requests((lane) => this.#executions.closeLane(lane)),
      ...lifecycle(
        () => this.interrupt(),
        (request, reply) => this.#shutDown(request, reply),
      ),
    };
    this.#handlers = new Map(Object.entries(families));
  }

  async open(): Promise<void> {
    await this.#sockets.open((channel, message) => this.#receive(channel, message));
    this.#sockets.publish("status", { execution_state: "starting" }, {});
  }

  async interrupt(): Promise<void> {
    await (await this.#session).interrupt();
    // After the interrupt is on its way, or the cell would take this for an answer and go on.
    this.#input.answer(null);
  }

  /** Ends the session, whose cells are all still answered, and tells all clients if one of them asked for it. */
  async close(): Promise<void> {
    this.#executions.closeAll();
    await (await this.#session.catch(() => null))?.close();
    await this.#history.close();
    if (this.#shutdown) {
      const { request, reply } = this.#shutdown;
      this.#sockets.publish("shutdown_reply", reply, request.message.header);
    }
    await this.#sockets.close();
  }

  #shutDown(request: Request, reply: object): void {
    this.#shutdown ??= { request, reply };
  }

  #receive(channel: RequestChannel, message: Message): void {
    const type = message.header.msg_type;
    const fields = new Fields(type, message.content, message.fault);
    const request: Request = { type, channel, message, fields, lane: mainLane };
    try {
      // What concerns the whole kernel comes by other channels.
      const lane = channel === "shell" ? this.#subshells.laneOf(message.header) : mainLane;
      if (type === "input_reply") this.#input.answer(String(message.content?.value ?? ""));
      else if (type === "execute_request") this.#executions.add({ ...request, lane });
      else void this.#answer({ ...request, lane }, this.#handlers.get(type) ?? unknown);
    } catch (fault) {
      void this.#answer(request, () => Promise.reject(fault));
    }
  }

  /**
   * Between `busy` and `idle`. Front ends and servers take the last of them for the state of the whole kernel: one that
   * was busy with a cell and answered something else meanwhile is still busy.
   */
  async #answer(request: Request, handler: Handler): Promise<void> {
    const { type, channel, message } = request;
    const send = (reply: object) => {
      // Messages that ask for nothing, such as `comm_msg`, have no reply, not even an error.
      if (!isRequest(type)) return;
      this.#sockets.reply(channel, message, type.replace(/_request$/, "_reply"), reply);
    };
    this.#status("busy", message);
    if (type === "execute_request") this.#executing.add(message);
    try {
      const reply = await handler(request);
      if (reply) send(reply);
    } catch (fault) {
      const error = kernelFault(fault);
      send(
        type === "execute_request"
          ? this.#executions.failure(error)
          : { status: "error", ...errorContent(error) },
      );
    }
    this.#executing.delete(message);
    this.#status("idle", message);
    // Of no request: each has one `busy` and one `idle`.
    if (this.#executing.size > 0) this.#sockets.publish("status", { execution_state: "busy" }, {});
    if (this.#shutdown?.request === request) this.#onShutdown();
  }

  #status(state: "busy" | "idle", { header }: Message): void {
    this.#sockets.publish("status", { execution_state: state }, header);
  }
}

/** A client that asks for something waits for a reply; what is no request is passed over. */
function unknown({ type }: Request): Reply {
  if (!isRequest(type)) return undefined;
  throw new InvalidRequest(`The kernel knows no message of type "${type}".`);
}

function isRequest(type: string): boolean {
  return type.endsWith("_request");
}
