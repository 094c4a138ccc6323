import { describe, expect, it } from "vitest";
import { toCodepoints, toUtf16 } from "../../../kernel/messaging/codepoints.js";
import { Wire } from "../../../kernel/messaging/wire.js";

const frames = (wire: Wire) =>
  wire.encode(["client"], "kind", { a: 1 }, {}).map((frame) => Buffer.from(frame));

describe("signed messages", () => {
  it("are read back, once", () => {
    const sent = frames(new Wire("key"));
    const receiver = new Wire("key");
    const message = receiver.decode(sent);
    expect(message?.content).toEqual({ a: 1 });
    expect(message?.identities.map(String)).toEqual(["client"]);
    expect(receiver.decode(sent)).toBeNull();
  });

  it("are refused when signed by another key, changed or cut", () => {
    const receiver = new Wire("key");
    expect(receiver.decode(frames(new Wire("other")))).toBeNull();
    const changed = frames(new Wire("key"));
    changed[6] = Buffer.from('{"a":2}');
    expect(receiver.decode(changed)).toBeNull();
    expect(receiver.decode(frames(new Wire("key")).slice(0, 4))).toBeNull();
    expect(receiver.decode([])).toBeNull();
  });

  it("are read as far as they can be answered", () => {
    const wire = new Wire("");
    const decode = (header: string, content: string | Buffer, parent = "{}") =>
      wire.decode(["<IDS|MSG>", "", header, parent, "null", content].map((frame) => Buffer.from(frame)));
    const header = '{"msg_type":"kind","msg_id":"1"}';
    expect(decode(header, "[1]", "7")).toMatchObject({ content: [1], parentHeader: {}, metadata: {} });
    expect(decode(header, "{")?.fault).toMatch(/^the content is not JSON: /);
    expect(decode(header, Buffer.from([0x22, 0xff, 0x22]))?.fault).toMatch(/utf-8/i);
    expect(decode("{}", "{}")).toBeNull();
    expect(decode("null", "{}")).toBeNull();
    expect(decode('{"msg_type":"kind","msg_id":"1","nested":[[]]}', "{}")).toBeNull();
    expect(decode('{"msg_type":1,"msg_id":"1"}', "{}")).toBeNull();
  });

  it("need no signature without a key", () => {
    const sent = frames(new Wire(""));
    const receiver = new Wire("");
    expect(receiver.decode(sent)).not.toBeNull();
    expect(receiver.decode(sent)).not.toBeNull();
  });
});

it("cursors count code points on the wire and UTF-16 units inside", () => {
  const text = "a\u{1d4b3}b";
  expect([0, 1, 2, 3, 9].map((cursor) => toUtf16(text, cursor))).toEqual([0, 1, 3, 4, 4]);
  expect([0, 1, 3, 4].map((offset) => toCodepoints(text, offset))).toEqual([0, 1, 2, 3]);
});
