import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import * as data from "../../src/data/index.js";
import { uniformIntegers } from "../../src/data/stepRandom.js";

const folder = mkdtempSync(join(tmpdir(), "moelab-tokenizer-"));
afterAll(() => rmSync(folder, { recursive: true }));

const json = data.trainBpe("the cat and the hat, the mat and that\n".repeat(20), { vocab: 300 });
const tokenizer = data.tokenizer(json);

const samples = [
  "",
  " ",
  "the cat",
  "  two  spaces \n\n\n and\ttabs \r\n",
  "\uFEFFbyte order mark",
  "zero \0 byte",
  "Größe 通俗易懂 🎉👩‍👩‍👧 e\u0301",
  "don't we'll I'VE",
  "<|endoftext|>a<|endoftext|><|endoftext|> b <|endoftext",
  "constructor __proto__ toString",
];

test.each(samples)("round trip of %j", (text) => {
  expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
});

test("round trip of long texts, and word by word as all at once", () => {
  const alphabet = [..."ab  \n\n.,'sé通🎉\t1"];
  const picks = uniformIntegers(200_000, alphabet.length, 5);
  const text = picks.map((at) => alphabet[at]).join("");
  const ids = tokenizer.encode(text);
  expect(tokenizer.decode(ids)).toBe(text);
  // Another normalizer turns word by word off.
  const whole = data.tokenizer({ ...json, normalizer: { type: "Sequence", normalizers: [] } });
  expect(whole.encode(text)).toEqual(ids);
});

test("special tokens are one id, and text around them does not change", () => {
  const ids = tokenizer.encode("the<|endoftext|> cat");
  expect(ids).toContain(tokenizer.endOfText);
  expect([...ids]).toEqual([...tokenizer.encode("the"), tokenizer.endOfText, ...tokenizer.encode(" cat")]);
});

test("printable tokens", () => {
  expect(tokenizer.tokens(tokenizer.encode("the é"))).toEqual(["the", " ", "\\xC3", "\\xA9"]);
});

test("ids out of range are refused", () => {
  expect(() => tokenizer.decode([tokenizer.vocabSize])).toThrow(/is no token id, they go from 0 to/);
});

test("loads from a file, and says what is wrong with one", () => {
  const path = join(folder, "tokenizer.json");
  writeFileSync(path, JSON.stringify(json));
  expect(data.tokenizer(path).encode("the cat")).toEqual(tokenizer.encode("the cat"));
  expect(() => data.tokenizer(join(folder, "none.json"))).toThrow(/there is no file/);
  writeFileSync(path, "{");
  expect(() => data.tokenizer(path)).toThrow(/cannot be read as JSON/);
  writeFileSync(path, "{}");
  expect(() => data.tokenizer(path)).toThrow(/has no "model"/);
});
