import { Router, XPublisher } from "zeromq";
import { SendQueue } from "../channel/sendQueue.js";
import { type ConnectionInfo, channelAddress } from "./connectionFile.js";
import { type OutputLimits, OutputPace } from "./outputPace.js";
import type { Attachments, RequestChannel } from "./requests/request.js";
import { type Message, Wire } from "./wire.js";

/** First byte of what a subscriber sends to subscribe; the topic follows. */
const subscribes = 1;

/** No text could be longer, in bytes; who sends more is disconnected. */
const longestFrame = 1024 * 1024 * 1024;

function socketOptions(info: ConnectionInfo) {
  const { curve_publickey: curvePublicKey, curve_secretkey: curveSecretKey } = info;
  const curve = curvePublicKey && curveSecretKey ? { curveServer: true, curvePublicKey, curveSecretKey } : {};
  // Limits would drop messages; what is sent is bounded where it is produced.
  return {
    ...curve,
    sendHighWaterMark: 0,
    receiveHighWaterMark: 0,
    maxMessageSize: longestFrame,
    linger: 1000,
  };
}

/** What goes out at once. All that belongs to an execution's outputs keeps its order; these need not wait for them. */
const unpaced = new Set(["status", "execute_input", "shutdown_reply", "debug_event"]);

/** A stream's text in pieces that come through one by one; anything else as it is. */
function* parts(type: string, content: object): Generator<object> {
  if (type !== "stream") return yield content;
  const { name, text } = content as { name: string; text: string };
  for (let from = 0; from < text.length; ) {
    let to = Math.min(from + OutputPace.longestText, text.length);
    // Not between the two units of a character.
    if (to < text.length && /[\ud800-\udbff]/.test(text[to - 1])) to--;
    yield { name, text: text.slice(from, to) };
    from = to;
  }
}

/** The five sockets of a Jupyter kernel: decoded messages in, messages out in order. */
export class KernelSockets {
  readonly #info: ConnectionInfo;
  readonly #wire: Wire;
  readonly #requests: Record<RequestChannel, Router>;
  readonly #iopub: XPublisher;
  // Not a Reply socket: that one throws at frames which are not of a Request socket.
  readonly #heartbeat: Router;
  readonly #queues: Record<RequestChannel | "iopub" | "hb", SendQueue>;
  readonly #pace: OutputPace | null;
  #reading: Promise<unknown> = Promise.resolve();

  /** @param limits of what clients take, if they have some */
  constructor(info: ConnectionInfo, limits: OutputLimits | null) {
    this.#pace = limits && new OutputPace(limits);
    const options = socketOptions(info);
    this.#info = info;
    this.#wire = new Wire(info.key ?? "");
    // A client that reconnects under its old identity takes it over.
    const router = () => new Router({ ...options, handover: true });
    this.#requests = { shell: router(), control: router(), stdin: router() };
    this.#iopub = new XPublisher({ ...options, verbosity: "allSubs" });
    this.#heartbeat = router();
    this.#queues = {
      shell: new SendQueue(this.#requests.shell),
      control: new SendQueue(this.#requests.control),
      stdin: new SendQueue(this.#requests.stdin),
      iopub: new SendQueue(this.#iopub),
      hb: new SendQueue(this.#heartbeat),
    };
  }

  /** Binds all sockets and hands every genuine message to `receive`. */
  async open(receive: (channel: RequestChannel, message: Message) => void): Promise<void> {
    const sockets = { ...this.#requests, iopub: this.#iopub, hb: this.#heartbeat };
    await Promise.all(
      Object.entries(sockets).map(([name, socket]) =>
        socket.bind(channelAddress(this.#info, name as keyof typeof sockets)),
      ),
    );
    const requests = Object.entries(this.#requests) as [RequestChannel, Router][];
    this.#reading = Promise.all([
      ...requests.map(([channel, socket]) => this.#read(socket, (message) => receive(channel, message))),
      this.#welcome(),
      this.#echo(),
    ]);
  }

  /** Answers `request` on the channel it came by. */
  reply(channel: RequestChannel, request: Message, type: string, content: object): void {
    const frames = this.#wire.encode(request.identities, type, content, request.header);
    this.#queues[channel].send(frames);
  }

  /** Publishes to all clients; outputs perhaps later, and then the promise resolves when it is done. */
  publish(
    type: string,
    content: object,
    parentHeader: Message["parentHeader"],
    { metadata, buffers }: Attachments = {},
  ): Promise<void> | undefined {
    const send = (part: object) => {
      const frames = this.#wire.encode([type], type, part, parentHeader, metadata, buffers);
      this.#queues.iopub.send(frames);
      return type === "stream" ? frames.reduce((sum, { length }) => sum + length, 0) : 0;
    };
    if (type === "status" && (content as { execution_state: string }).execution_state === "idle") {
      this.#pace?.idle();
    }
    if (!this.#pace || unpaced.has(type)) {
      send(content);
      return undefined;
    }
    let sent: Promise<void> | undefined;
    for (const part of parts(type, content)) sent = this.#pace.add(() => send(part));
    return sent;
  }

  /** Resolves when all outputs that were published so far are sent. */
  async outputsSent(): Promise<void> {
    await this.#pace?.sent();
  }

  async close(): Promise<void> {
    this.#pace?.open();
    await Promise.all(Object.values(this.#queues).map((queue) => queue.flushed()));
    for (const socket of [...Object.values(this.#requests), this.#iopub, this.#heartbeat]) socket.close();
    await this.#reading;
  }

  async #read(socket: Router, receive: (message: Message) => void): Promise<void> {
    for await (const frames of socket) {
      const message = this.#wire.decode(frames as Buffer[]);
      if (message) receive(message);
    }
  }

  /** Tells each new subscriber that its subscription is in force: what follows, it will not miss. */
  async #welcome(): Promise<void> {
    for await (const [frame] of this.#iopub) {
      if (frame[0] !== subscribes) continue;
      const topic = frame.subarray(1);
      const content = { subscription: topic.toString() };
      this.#queues.iopub.send(this.#wire.encode([topic], "iopub_welcome", content, {}));
    }
  }

  async #echo(): Promise<void> {
    for await (const frames of this.#heartbeat) this.#queues.hb.send(frames);
  }
}
