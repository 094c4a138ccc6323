import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";

/** The version of the Jupyter messaging protocol that the kernel speaks. */
export const protocolVersion = "5.5";

export interface Header {
  msg_id: string;
  session: string;
  username: string;
  date: string;
  msg_type: string;
  version: string;
  subshell_id?: string | null;
}

export interface Message {
  /** Routing prefix of the client that sent it. */
  identities: Buffer[];
  header: Header;
  parentHeader: Header | Record<string, never>;
  metadata: Record<string, unknown>;
  /** Anything that JSON can say; undefined when {@link fault} tells why it could not be read. */
  content: any;
  fault?: string;
  buffers: Buffer[];
}

const delimiter = Buffer.from("<IDS|MSG>");

/** Signatures remembered to recognise a message that somebody sends a second time. */
const rememberedSignatures = 65536;

/** Turns messages into signed frames and back. One for all channels of a kernel. */
export class Wire {
  readonly #key: string;
  readonly #session = randomUUID();
  readonly #seen = new Set<string>();

  /** An empty key means unsigned messages. */
  constructor(key: string) {
    this.#key = key;
  }

  /** Null for what is malformed beyond an answer, wrongly signed, or was received before. */
  decode(frames: Buffer[]): Message | null {
    const at = frames.findIndex((frame) => frame.equals(delimiter));
    if (at < 0 || frames.length < at + 6) return null;
    const [signature, ...parts] = frames.slice(at + 1, at + 6);
    if (!this.#isGenuine(signature, parts)) return null;
    const [header, parentHeader, metadata, content] = parts.map(parsed);
    if (!isHeader(header.value)) return null;
    const fault = content.fault === undefined ? {} : { fault: `the content is not JSON: ${content.fault}` };
    return {
      identities: frames.slice(0, at),
      header: header.value,
      parentHeader: isObject(parentHeader.value) ? (parentHeader.value as Message["parentHeader"]) : {},
      metadata: isObject(metadata.value) ? metadata.value : {},
      content: content.value,
      ...fault,
      buffers: frames.slice(at + 6),
    };
  }

  encode(
    identities: readonly (Buffer | string)[],
    type: string,
    content: object,
    parentHeader: Message["parentHeader"],
    metadata: object = {},
    buffers: readonly Uint8Array[] = [],
  ): (Uint8Array | string)[] {
    const header: Header = {
      msg_id: randomUUID(),
      session: this.#session,
      username: "kernel",
      date: new Date().toISOString(),
      msg_type: type,
      version: protocolVersion,
    };
    const parts = [header, parentHeader, metadata, content].map((part) => Buffer.from(JSON.stringify(part)));
    return [...identities, delimiter, this.#sign(parts), ...parts, ...buffers];
  }

  #sign(parts: Buffer[]): string {
    if (this.#key === "") return "";
    const hmac = createHmac("sha256", this.#key);
    for (const part of parts) hmac.update(part);
    return hmac.digest("hex");
  }

  #isGenuine(signature: Buffer, parts: Buffer[]): boolean {
    if (this.#key === "") return true;
    const expected = Buffer.from(this.#sign(parts));
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return false;
    const text = signature.toString();
    if (this.#seen.has(text)) return false;
    this.#seen.add(text);
    if (this.#seen.size > rememberedSignatures) {
      const [oldest] = this.#seen;
      this.#seen.delete(oldest);
    }
    return true;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function parsed(frame: Buffer): { value?: unknown; fault?: string } {
  try {
    return { value: JSON.parse(utf8.decode(frame)) };
  } catch (fault) {
    return { fault: (fault as Error).message };
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Headers come back as parents, to all clients: what is nested in them, to any depth, is not passed on. */
function isHeader(value: unknown): value is Header {
  if (!isObject(value)) return false;
  const flat = Object.values(value).every((field) => typeof field !== "object" || field === null);
  return flat && typeof value.msg_type === "string" && typeof value.msg_id === "string";
}
