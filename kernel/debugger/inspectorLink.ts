import type { InspectorAnswer, InspectorCommand, ToExecutor, ToKernel } from "../channel/messages.js";

export interface InspectorListener {
  /** What V8's debugger tells, for example `Debugger.paused`. */
  event(method: string, params: any): void;
  /** The executor ended; another one may follow, which knows nothing of what was set in this one. */
  lost(): void;
  /** An executor takes commands. */
  ready(): void;
}

/** V8's inspector protocol to the main thread of the executor that a session has at the time. */
export class InspectorLink {
  readonly #send: (message: ToExecutor) => void;
  readonly #waiting = new Map<number, (answers: InspectorAnswer[] | null) => void>();
  #requests = 0;
  #ready = false;
  listener: InspectorListener | null = null;

  constructor(send: (message: ToExecutor) => void) {
    this.#send = send;
  }

  /** Gives commands in one go; one that is refused does not keep the others from being carried out. */
  async askAll(commands: InspectorCommand[]): Promise<InspectorAnswer[]> {
    const unanswered = () => commands.map(() => ({ fault: "No executor is there to take it." }));
    if (commands.length === 0 || !this.#ready) return unanswered();
    const request = ++this.#requests;
    const answers = await new Promise<InspectorAnswer[] | null>((resolve) => {
      this.#waiting.set(request, resolve);
      this.#send({ type: "inspect", request, commands });
    });
    return answers ?? unanswered();
  }

  /** @throws Error with V8's words when it refuses */
  async ask(method: string, params: object = {}): Promise<any> {
    const [answer] = await this.askAll([{ method, params }]);
    if ("fault" in answer) throw new Error(answer.fault);
    return answer.result;
  }

  receive(message: Extract<ToKernel, { type: "inspected" | "inspectorEvent" }>): void {
    if (message.type === "inspectorEvent") this.listener?.event(message.method, message.params);
    else {
      this.#waiting.get(message.request)?.(message.answers);
      this.#waiting.delete(message.request);
    }
  }

  executorReady(): void {
    this.#ready = true;
    this.listener?.ready();
  }

  executorLost(): void {
    this.#ready = false;
    for (const resolve of this.#waiting.values()) resolve(null);
    this.#waiting.clear();
    this.listener?.lost();
  }
}
