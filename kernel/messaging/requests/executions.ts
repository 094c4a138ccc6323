import type { MimeBundle } from "../../../src/host.js";
import type { CellError, ExecuteOutcome, ExecuteRequest, SessionEvent } from "../../session/events.js";
import { kernelFault } from "../../session/kernelFault.js";
import type { History } from "../history/history.js";
import { errorContent, iopubMessage } from "../iopubMessage.js";
import type { Header } from "../wire.js";
import { ExecuteQueue } from "./executeQueue.js";
import type { InputRequests } from "./inputRequests.js";
import type { Handler, Kernel, Request } from "./request.js";

/** Requests whose late outputs still find them. */
const keptRequests = 1000;

/**
 * Answers `execute_request`s, those of one lane in turn; every output of a cell is published before its reply and its
 * `idle`.
 */
export class Executions {
  readonly #kernel: Kernel;
  readonly #answer: (request: Request, handler: Handler) => Promise<void>;
  readonly #history: History;
  readonly #input: InputRequests;
  readonly #queues = new Map<string, ExecuteQueue>();
  /** `msg_id` → header of an execution, for outputs that come after its end. */
  readonly #headers = new Map<string, Header>();
  /** That of the cell that started last. */
  #executionCount = 0;

  /** @param answer calls a handler and sends what it gives, between `busy` and `idle` */
  constructor(
    kernel: Kernel,
    answer: (request: Request, handler: Handler) => Promise<void>,
    history: History,
    input: InputRequests,
  ) {
    this.#kernel = kernel;
    this.#answer = answer;
    this.#history = history;
    this.#input = input;
  }

  add(request: Request): void {
    const { lane } = request;
    let queue = this.#queues.get(lane);
    if (!queue) {
      queue = new ExecuteQueue(
        (each) => this.#execute(each),
        (each) => void this.#answer(each, () => this.failure(aborted)),
      );
      this.#queues.set(lane, queue);
    }
    queue.add(request);
  }

  /** The lane goes: what waits in it is answered without being run, what runs ends by itself. */
  closeLane(lane: string): void {
    this.#queues.get(lane)?.abort();
    this.#queues.delete(lane);
  }

  /** The kernel goes. */
  closeAll(): void {
    for (const lane of [...this.#queues.keys()]) this.closeLane(lane);
  }

  /** Publishes what a cell outputs after its end. */
  publishLate(event: SessionEvent, cellId: string): Promise<void> | undefined {
    return this.#publish(event, this.#headers.get(cellId) ?? {});
  }

  /** An error reply with all fields: `jupyter console` cannot do without them. */
  failure(error: CellError): object {
    const common = { execution_count: this.#executionCount, payload: [], user_expressions: {} };
    return { ...common, status: "error", ...errorContent(error) };
  }

  /** Whether the executions behind this one may run. */
  async #execute(request: Request): Promise<boolean> {
    let goOn = false;
    await this.#answer(request, async () => {
      this.#keep(request.message.header);
      const execution = this.#execution(request);
      const stopOnError = request.fields.flag("stop_on_error", true);
      const pages: MimeBundle[] = [];
      const outcome = await this.#outcomeOf(request, execution, pages);
      await this.#kernel.outputsSent();
      goOn = outcome.status === "ok" || !stopOnError;
      if (outcome.status === "ok") return this.#success(outcome, pages);
      return this.failure(outcome.error ?? { name: outcome.status, message: "", traceback: [] });
    });
    return goOn;
  }

  /** What the request asks of the session. */
  #execution(request: Request): ExecuteRequest {
    const { fields, lane, message } = request;
    const { header } = message;
    const code = fields.text("code");
    const silent = fields.flag("silent", false);
    const storeHistory = fields.flag("store_history", true);
    return {
      code,
      id: header.msg_id,
      lane,
      silent,
      storeHistory,
      userExpressions: fields.texts("user_expressions"),
      input: fields.flag("allow_stdin", true)
        ? (prompt, password) => this.#input.ask(request, prompt, password)
        : undefined,
      onStart: (executionCount) => {
        this.#executionCount = executionCount;
        if (silent) return;
        if (storeHistory) this.#history.add(executionCount, code);
        this.#kernel.publish("execute_input", { code, execution_count: executionCount }, header);
      },
    };
  }

  /** `pages` takes what belongs into the client's pager. */
  async #outcomeOf(
    request: Request,
    execution: ExecuteRequest,
    pages: MimeBundle[],
  ): Promise<ExecuteOutcome> {
    const { header } = request.message;
    try {
      const session = await this.#kernel.session;
      return await session.execute(execution, (event) => {
        if (event.type === "result" && execution.storeHistory) this.#keepResult(event);
        if (event.type !== "display" || !event.pager) return this.#publish(event, header);
        pages.push(event.data);
        return undefined;
      });
    } catch (fault) {
      const error = kernelFault(fault);
      if (!execution.silent) this.#publish({ type: "error", error }, header);
      return { status: "died", executionCount: this.#executionCount, error };
    }
  }

  #success({ executionCount, userExpressions = {} }: ExecuteOutcome, pages: MimeBundle[]): object {
    const expressions = Object.entries(userExpressions).map(([name, expression]) => [
      name,
      expression.status === "ok" ? expression : { status: "error", ...errorContent(expression) },
    ]);
    return {
      status: "ok",
      execution_count: executionCount,
      payload: pages.map((data) => ({ source: "page", data, start: 0 })),
      user_expressions: Object.fromEntries(expressions),
    };
  }

  #keepResult({ data, executionCount }: Extract<SessionEvent, { type: "result" }>): void {
    const text = data["text/plain"];
    if (typeof text === "string") this.#history.addOutput(executionCount, text);
  }

  #keep(header: Header): void {
    this.#headers.set(header.msg_id, header);
    if (this.#headers.size > keptRequests) this.#headers.delete(this.#headers.keys().next().value!);
  }

  #publish(event: SessionEvent, parent: Header | Record<string, never>): Promise<void> | undefined {
    const { type, content, ...attachments } = iopubMessage(event);
    return this.#kernel.publish(type, content, parent, attachments);
  }
}

const aborted: CellError = {
  name: "ExecutionAborted",
  message: "Not executed, because an earlier cell failed.",
  traceback: [],
};
