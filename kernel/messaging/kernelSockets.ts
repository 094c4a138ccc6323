import { Router, XPublisher } from "zeromq";
import { SendQueue } from "../channel/sendQueue.js";
import { type ConnectionInfo, channelAddress } from "./connectionFile.js";
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

/** The five sockets of a Jupyter kernel: decoded messages in, messages out in order. */
export class KernelSockets {
  readonly #info: ConnectionInfo;
  readonly #wire: Wire;
  readonly #requests: Record<RequestChannel, Router>;
  readonly #iopub: XPublisher;
  // Not a Reply socket: that one throws at frames which are not of a Request socket.
  readonly #heartbeat: Router;
  readonly #queues: Record<RequestChannel | "iopub" | "hb", SendQueue>;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(info: ConnectionInfo) {
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

  /** Publishes to all clients. */
  publish(
    type: string,
    content: object,
    parentHeader: Message["parentHeader"],
    { metadata, buffers }: Attachments = {},
  ): void {
    this.#queues.iopub.send(this.#wire.encode([type], type, content, parentHeader, metadata, buffers));
  }

  async close(): Promise<void> {
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
