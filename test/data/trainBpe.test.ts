import { expect, test } from "vitest";
import * as data from "../../src/data/index.js";

const text = `The router sends each token to two experts. The experts that the router prefers get more tokens than the others,
so the router's auxiliary loss pushes tokens towards experts that are used less. Tokens, tokens, tokens: aaaa aaaaaa aa!
Größe und Übung; 通俗易懂 的 方式, 通俗. It's the experts' turn: they've 12 tokens, 1234 tokens and 12345.
`;

/** Made once by Hugging Face's tokenizers 0.23.2 from the same text: BpeTrainer, min_frequency 2. */
const merges =
  "Ġ t|a a|e n|e r|Ġt o|h e|k en|Ġto ken|Ġtoken s|Ġ e|Ġt he|p er|t s|x per|Ġe xper|Ġexper ts|1 2|a r|h a|o u|r ou|" +
  "t er|Ġ aa|Ġ 12|Ġ rou|Ġt ha|Ġrou ter|' s|3 4|T he|d s|n d|r e|s s|u s|¿ Ĺ|ä ¿Ĺ|é Ģ|Ġ a|Ġ l|Ġ p|Ġ éĢ|ļ ä¿Ĺ|er s|" +
  "Ġaa aa|Ġ12 34|Ġtha t|ĠéĢ ļä¿Ĺ";

test("merges and ids are those of Hugging Face's trainer", () => {
  const json = data.trainBpe([text], { vocab: 257 + 70 });
  expect((json.model.merges as string[][]).map((pair) => pair.join(" ")).join("|")).toBe(merges);
  const tokenizer = data.tokenizer(json);
  expect([...tokenizer.encode("The experts' tokens, 通俗 aaaaa\n")]).toEqual([
    286, 272, 7, 265, 12, 304, 301, 65, 199,
  ]);
  expect(tokenizer.vocabSize).toBe(257 + 48);
});

test("stops at the wanted size", () => {
  const tokenizer = data.tokenizer(data.trainBpe(text, { vocab: 270, specialTokens: [] }));
  expect(tokenizer.vocabSize).toBe(270);
  expect(tokenizer.endOfText).toBeUndefined();
});

test("a vocabulary that cannot hold the bytes is refused", () => {
  expect(() => data.trainBpe(text, { vocab: 256 })).toThrow(/vocab should be a whole number from 257/);
});

test("megabytes take seconds", () => {
  const words = Array.from({ length: 30_000 }, (_, i) => ` ${(i * 2_654_435_761).toString(36)}`);
  const corpus = Array.from({ length: 400_000 }, (_, i) => words[(i * i * 31) % words.length]).join("");
  const began = performance.now();
  data.trainBpe(corpus, { vocab: 2048 });
  expect(performance.now() - began).toBeLessThan(30_000);
});
