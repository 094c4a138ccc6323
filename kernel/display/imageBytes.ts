import type { ShownValue } from "./shownValue.js";

export interface ImageKind {
  mime: string;
  /** In pixels; absent when the header does not tell. */
  width?: number;
  height?: number;
}

const ascii = (bytes: Uint8Array, start: number, end: number) =>
  String.fromCharCode(...bytes.subarray(start, end));

/** What the first bytes of a PNG, JPEG, GIF or WebP file say; undefined for anything else. */
export function imageKind(bytes: Uint8Array): ImageKind | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (ascii(bytes, 0, 8) === "\x89PNG\r\n\x1a\n" && ascii(bytes, 12, 16) === "IHDR") {
      return { mime: "image/png", width: view.getUint32(16), height: view.getUint32(20) };
    }
    if (/^GIF8[79]a$/.test(ascii(bytes, 0, 6))) {
      return { mime: "image/gif", width: view.getUint16(6, true), height: view.getUint16(8, true) };
    }
    if (ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 12) === "WEBP") return webp(bytes, view);
    if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return jpeg(view);
  } catch {
    // Cut off within its header: no image.
  }
  return undefined;
}

/** Sizes stand in the frame header, behind segments of other kinds. */
function jpeg(view: DataView): ImageKind {
  const mime = "image/jpeg";
  for (let at = 2; at + 9 < view.byteLength && view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { mime, width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return { mime };
}

function webp(bytes: Uint8Array, view: DataView): ImageKind {
  const mime = "image/webp";
  const uint24 = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  switch (ascii(bytes, 12, 16)) {
    case "VP8X":
      return { mime, width: uint24(24) + 1, height: uint24(27) + 1 };
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return { mime, width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case "VP8 ":
      return {
        mime,
        width: view.getUint16(26, true) & 0x3fff,
        height: view.getUint16(28, true) & 0x3fff,
      };
  }
  return { mime };
}

/** Larger ones would make a notebook that nobody can open. In bytes. */
const largest = 32 * 1024 * 1024;

/** The bytes of an image file as a picture; undefined for other bytes. */
export function imageBytes(value: Uint8Array): ShownValue | undefined {
  const kind = imageKind(value);
  if (!kind || value.byteLength > largest) return undefined;
  const { mime, width, height } = kind;
  const size = width && height ? `, ${width} × ${height}` : "";
  return {
    data: {
      [mime]: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64"),
      "text/plain": `[${mime.slice("image/".length).toUpperCase()} image${size}]`,
    },
    metadata: size ? { [mime]: { width, height } } : {},
  };
}
