import type { ExecuteOutcome, SessionEvent } from "../session/events.js";
import { kernelFault } from "../session/kernelFault.js";
import type { Session } from "../session/session.js";
import { toCodepoints, toUtf16 } from "./codepoints.js";
import type { ConnectionInfo } from "./connectionFile.js";
import { ExecuteQueue } from "./executeQueue.js";
import { History } from "./history.js";
import { errorContent, iopubMessage } from "./iopubMessage.js";
import { kernelInfo } from "./kernelInfo.js";
import { KernelSockets } from "./kernelSockets.js";
import type { Header, Message } from "./wire.js";

type RequestChannel = "shell" | "control" | "stdin";
type ParentHeader = Message["parentHeader"];

/** Requests whose late outputs still find them. */
const keptRequests = 1000;

/**
 * Speaks the Jupyter protocol for a session. Requests other than executions are answered at once, also while a cell
 * runs; every output of a cell is published before its reply and its `idle`.
 */
export class JupyterServer {
  readonly #sockets: KernelSockets;
  readonly #session: Promise<Session>;
  readonly #history = new History();
  readonly #queue = new ExecuteQueue(
    (request) => this.#execute(request),
    (request) => this.#abort(request),
  );
  /** `msg_id` → header of an execution, for outputs that come after its end. */
  readonly #executions = new Map<string, Header>();
  #executionCount = 0;
  #answerInput: ((value: string | null) => void) | null = null;
  readonly #onShutdown: (restart: boolean) => void;

  /**
   * `startSession` gets the sink for what cells output after their end; `onShutdown` is called after the reply to a
   * shutdown request was queued.
   */
  constructor(
    info: ConnectionInfo,
    startSession: (onBackground: (event: SessionEvent, cellId: string) => void) => Promise<Session>,
    onShutdown: (restart: boolean) => void,
  ) {
    this.#sockets = new KernelSockets(info);
    this.#onShutdown = onShutdown;
    this.#session = startSession((event, cellId) => this.#publish(event, this.#executions.get(cellId) ?? {}));
    this.#session.catch(() => {});
  }

  async open(): Promise<void> {
    await this.#sockets.open((channel, message) => this.#receive(channel, message));
    this.#sockets.publish("status", { execution_state: "starting" }, {});
  }

  async interrupt(): Promise<void> {
    await (await this.#session).interrupt();
    // After the interrupt is on its way, or the cell would take this for an answer and go on.
    this.#answerInput?.(null);
  }

  async close(): Promise<void> {
    await (await this.#session.catch(() => null))?.close();
    await this.#sockets.close();
  }

  #receive(channel: RequestChannel, message: Message): void {
    if (message.header.msg_type === "input_reply") this.#answerInput?.(String(message.content.value ?? ""));
    else if (message.header.msg_type === "execute_request" && channel === "shell") this.#queue.add(message);
    else void this.#answer(channel, message);
  }

  /** Answers everything but executions, between `busy` and `idle`. */
  async #answer(channel: RequestChannel, request: Message): Promise<void> {
    const type = request.header.msg_type;
    this.#status("busy", request.header);
    try {
      const content = await this.#replyTo(type, request);
      if (content) this.#sockets.reply(channel, request, type.replace(/_request$/, "_reply"), content);
    } catch (fault) {
      const content = { status: "error", ...errorContent(kernelFault(fault)) };
      this.#sockets.reply(channel, request, type.replace(/_request$/, "_reply"), content);
    }
    this.#status("idle", request.header);
    if (type === "shutdown_request") this.#onShutdown(request.content.restart === true);
  }

  /** The content of the reply; undefined for messages that have none or are not known. */
  async #replyTo(type: string, { content, header }: Message): Promise<object | undefined> {
    switch (type) {
      case "kernel_info_request":
        return kernelInfo;
      case "complete_request":
        return await this.#complete(content.code, content.cursor_pos);
      case "inspect_request":
        return await this.#inspect(content.code, content.cursor_pos);
      case "is_complete_request":
        return await (await this.#session).isComplete(content.code);
      case "history_request":
        return { status: "ok", history: this.#history.find(content) };
      case "comm_info_request":
        return { status: "ok", comms: {} };
      case "comm_open":
        // Nothing takes comms yet; the other side is to know that nobody listens.
        this.#sockets.publish("comm_close", { comm_id: content.comm_id, data: {} }, header);
        return undefined;
      case "interrupt_request":
        await this.interrupt();
        return { status: "ok" };
      case "shutdown_request":
        return { status: "ok", restart: content.restart === true };
      default:
        return undefined;
    }
  }

  async #complete(code: string, cursor: number): Promise<object> {
    const result = await (await this.#session).complete(code, toUtf16(code, cursor));
    const start = toCodepoints(code, result.start);
    const end = toCodepoints(code, result.end);
    const types = result.completions.map(({ text, kind }) => ({ text, type: kind, start, end }));
    return {
      status: "ok",
      matches: result.completions.map(({ text }) => text),
      cursor_start: start,
      cursor_end: end,
      metadata: { _jupyter_types_experimental: types },
    };
  }

  async #inspect(code: string, cursor: number): Promise<object> {
    const found = await (await this.#session).inspect(code, toUtf16(code, cursor));
    if (!found) return { status: "ok", found: false, data: {}, metadata: {} };
    const { signature, documentation } = found;
    const data = {
      "text/plain": documentation === "" ? signature : `${signature}\n\n${documentation}`,
      "text/markdown": `\`\`\`typescript\n${signature}\n\`\`\`\n\n${documentation}`,
    };
    return { status: "ok", found: true, data, metadata: {} };
  }

  /** Whether the executions behind this one may run. */
  async #execute(request: Message): Promise<boolean> {
    const { header, content } = request;
    const { code, silent = false, store_history = true, stop_on_error = true, allow_stdin = true } = content;
    this.#status("busy", header);
    this.#executions.set(header.msg_id, header);
    if (this.#executions.size > keptRequests) this.#executions.delete(this.#executions.keys().next().value!);
    const counted = !silent && store_history;
    if (counted) this.#executionCount++;
    if (counted) this.#history.add(this.#executionCount, code);
    if (!silent) {
      this.#sockets.publish("execute_input", { code, execution_count: this.#executionCount }, header);
    }
    const outcome = await this.#outcomeOf(request, {
      code,
      silent,
      storeHistory: store_history,
      userExpressions: content.user_expressions ?? {},
      input: allow_stdin ? (prompt, password) => this.#ask(request, prompt, password) : undefined,
    });
    this.#sockets.reply("shell", request, "execute_reply", executeReply(outcome, this.#executionCount));
    this.#status("idle", header);
    return outcome.status === "ok" || !stop_on_error;
  }

  async #outcomeOf(request: Message, execution: Parameters<Session["execute"]>[0]): Promise<ExecuteOutcome> {
    const { header } = request;
    try {
      const session = await this.#session;
      return await session.execute({ ...execution, id: header.msg_id }, (event) =>
        this.#publish(event, header),
      );
    } catch (fault) {
      const error = kernelFault(fault);
      if (!execution.silent) this.#publish({ type: "error", error }, header);
      return { status: "died", executionCount: this.#executionCount, error };
    }
  }

  #abort(request: Message): void {
    this.#status("busy", request.header);
    const message = "Not executed, because an earlier cell failed.";
    this.#sockets.reply("shell", request, "execute_reply", {
      status: "error",
      ename: "ExecutionAborted",
      evalue: message,
      traceback: [],
      execution_count: this.#executionCount,
      payload: [],
      user_expressions: {},
    });
    this.#status("idle", request.header);
  }

  /** Asks the client that sent `request` and waits for its answer; null when the cell is interrupted meanwhile. */
  #ask(request: Message, prompt: string, password: boolean): Promise<string | null> {
    return new Promise((resolve) => {
      this.#answerInput = (value) => {
        this.#answerInput = null;
        resolve(value);
      };
      this.#sockets.reply("stdin", request, "input_request", { prompt, password });
    });
  }

  #status(state: "busy" | "idle", parent: ParentHeader): void {
    this.#sockets.publish("status", { execution_state: state }, parent);
  }

  #publish(event: SessionEvent, parent: ParentHeader): void {
    const { type, content } = iopubMessage(event);
    this.#sockets.publish(type, content, parent);
  }
}

function executeReply(outcome: ExecuteOutcome, executionCount: number): object {
  const { status, error, userExpressions = {} } = outcome;
  const common = { execution_count: executionCount, payload: [] };
  if (status !== "ok") {
    const content = errorContent(error ?? { name: status, message: "", traceback: [] });
    return { ...common, status: "error", ...content, user_expressions: {} };
  }
  const expressions = Object.entries(userExpressions).map(([name, expression]) => [
    name,
    expression.status === "ok" ? expression : { status: "error", ...errorContent(expression) },
  ]);
  return { ...common, status: "ok", user_expressions: Object.fromEntries(expressions) };
}
