import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ArrowFileError, mapTable } from "../../src/arrow/index.js";
import * as torch from "../../src/torch/index.js";
import { temporaryFolder } from "./files.js";

const folder = temporaryFolder();
const path = join(folder, "damaged.arrow");

function wholeFile(): Buffer {
  const file = join(folder, "whole.arrow");
  torch.saveArrow(file, { x: torch.ones([3, 4]), y: torch.zeros([2], { dtype: "int64" }) });
  return readFileSync(file);
}

function opening(bytes: Uint8Array): () => unknown {
  writeFileSync(path, bytes);
  return () => torch.openArrow(path);
}

it("a file that is missing, empty, of another kind or cut off is named with what is wrong", () => {
  const whole = wholeFile();
  expect(() => torch.openArrow(join(folder, "absent.arrow"))).toThrow(/ENOENT.*absent\.arrow/);
  expect(opening(Buffer.alloc(0))).toThrow(/damaged\.arrow: not an Arrow IPC file/);
  expect(opening(Buffer.from("PAR1 something else entirely"))).toThrow(/expected it to start with "ARROW1"/);
  expect(opening(whole.subarray(0, 10))).toThrow(/cut off/);
  expect(opening(whole.subarray(0, whole.length - 1))).toThrow(/cut off or was not closed/);
  expect(opening(Buffer.concat([whole, Buffer.alloc(4)]))).toThrow(/cut off or was not closed/);
});

it("a file shorter than its metadata says never gives a tensor", () => {
  const whole = wholeFile();
  // The end of the file put after less data: all offsets then point too far.
  const footerStart = whole.length - 10 - whole.readInt32LE(whole.length - 10);
  for (const kept of [8, 100, 400, footerStart - 64]) {
    const cut = Buffer.concat([whole.subarray(0, kept), whole.subarray(footerStart)]);
    expect(opening(cut)).toThrow(ArrowFileError);
    expect(() => mapTable(path)).toThrow(ArrowFileError);
  }
});

it("a footer length out of range is refused", () => {
  for (const length of [0, -1, 2 ** 31 - 1, 5000]) {
    const bytes = Buffer.from(wholeFile());
    bytes.writeInt32LE(length, bytes.length - 10);
    expect(opening(bytes)).toThrow(ArrowFileError);
  }
});

it("changed bytes of the metadata end in an error or in tensors within the file", () => {
  const whole = wholeFile();
  const footerStart = whole.length - 10 - whole.readInt32LE(whole.length - 10);
  let random = 7;
  const next = (limit: number) => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return random % limit;
  };
  let refused = 0;
  const rounds = 1000;
  for (let round = 0; round < rounds; round++) {
    const bytes = Buffer.from(whole);
    for (let changes = next(4) + 1; changes > 0; changes--) {
      const position = next(2) ? footerStart + next(whole.length - footerStart) : 8 + next(footerStart - 8);
      bytes[position] = next(3) ? [0, 1, 0x7f, 0x80, 0xff][next(5)] : next(256);
    }
    writeFileSync(path, bytes);
    try {
      torch.tidy(() => {
        for (const tensor of Object.values(torch.openArrow(path)))
          tensor.view([-1]).to("float64").sum().item();
      });
    } catch (error) {
      // Permuted shapes cannot be viewed flat; anything else must be a message that names the file or the column.
      expect((error as Error).message).toMatch(/damaged\.arrow|column "|view size is not compatible/);
      refused++;
      continue;
    }
    // What passes the checks can be given to apache-arrow: it may refuse it, but never runs away.
    try {
      mapTable(path);
    } catch (error) {
      expect((error as Error).message).toMatch(/damaged\.arrow/);
    }
  }
  expect(refused).toBeGreaterThan(rounds / 10);
});

it("metadata that refers to itself ends", () => {
  const bytes = Buffer.from(wholeFile());
  const footerStart = bytes.length - 10 - bytes.readInt32LE(bytes.length - 10);
  for (let position = footerStart; position + 4 <= bytes.length - 10; position += 4) {
    const looped = Buffer.from(bytes);
    looped.writeInt32LE(-(position - footerStart), position);
    writeFileSync(path, looped);
    try {
      torch.tidy(() => void torch.openArrow(path));
    } catch (error) {
      expect((error as Error).message).toMatch(/damaged\.arrow|column "/);
    }
  }
});
