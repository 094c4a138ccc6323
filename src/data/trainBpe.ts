import { characterOfByte } from "./byteCharacters.js";
import type { TokenizerJson } from "./tokenizerJson.js";
import { words } from "./words.js";

export interface TrainBpeOptions {
  /** Entries of the vocabulary: the special tokens, the 256 bytes, then merges. */
  vocab: number;
  /** Tokens that text never gives. The first ones of the vocabulary. Default `["<|endoftext|>"]`. */
  specialTokens?: readonly string[];
  /** Pairs that occur less often are not merged; the vocabulary is then smaller. Default 2. */
  minFrequency?: number;
}

/**
 * Trains a byte-level BPE tokenizer (Sennrich et al. 2016, over the bytes of GPT-2's words) and returns it as the
 * content of a Hugging Face `tokenizer.json`. Every text can be encoded, there is no unknown token. The merges are
 * those of Hugging Face's `BpeTrainer`: the most frequent pair first, among equals the one with the lowest ids.
 *
 * @param texts any cut of the corpus; words do not reach over the cuts
 * @example const tokenizer = data.tokenizer(data.trainBpe([readFileSync("corpus.txt", "utf8")], { vocab: 2048 }));
 */
export function trainBpe(texts: Iterable<string> | string, options: TrainBpeOptions): TokenizerJson {
  const { vocab: size, specialTokens = ["<|endoftext|>"], minFrequency = 2 } = options;
  const smallest = 256 + specialTokens.length;
  if (!Number.isSafeInteger(size) || size < smallest || size > maxVocab) {
    throw new RangeError(
      `trainBpe: vocab should be a whole number from ${smallest} (256 bytes and the special tokens) to ${maxVocab}, ` +
        `got ${size}`,
    );
  }

  const tokens: string[] = [...specialTokens];
  const idOfByte = new Uint32Array(256);
  const alphabet = characterOfByte.map((character, byte) => ({ character, byte }));
  for (const { character, byte } of alphabet.sort((a, b) => (a.character < b.character ? -1 : 1))) {
    idOfByte[byte] = tokens.length;
    tokens.push(character);
  }

  const corpus = new Corpus(countWords(typeof texts === "string" ? [texts] : texts), idOfByte);
  const idOfToken = new Map(tokens.map((token, id) => [token, id]));
  const merges: [string, string][] = [];
  while (tokens.length < size) {
    const pair = corpus.mostFrequentPair();
    if (!pair || pair.count < Math.max(1, minFrequency)) break;
    const { left, right } = pair;
    const token = tokens[left] + tokens[right];
    // Two ways to the same text share an id: "a" + "bc" and "ab" + "c".
    let id = idOfToken.get(token);
    if (id === undefined) {
      id = tokens.length;
      tokens.push(token);
      idOfToken.set(token, id);
    }
    merges.push([tokens[left], tokens[right]]);
    corpus.merge(left, right, id);
  }

  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}

/** A pair of ids is one whole number below 2^53. */
const maxVocab = 2 ** 26;

const pairKey = (left: number, right: number): number => left * maxVocab + right;

function countWords(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const word of words(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

/** The unique words as sequences of ids, and where each pair of neighbours occurs. */
class Corpus {
  readonly #words: Uint32Array[] = [];
  readonly #lengths: number[] = [];
  readonly #counts: number[] = [];
  /** Occurrences of each pair. */
  readonly #pairCounts = new Map<number, number>();
  /** Words that contain (or did contain) a pair. */
  readonly #wordsOfPair = new Map<number, Set<number>>();
  readonly #queue = new PairQueue();

  constructor(words: Map<string, number>, idOfByte: Uint32Array) {
    const encoder = new TextEncoder();
    for (const [word, count] of words) {
      const ids = Uint32Array.from(encoder.encode(word), (byte) => idOfByte[byte]);
      const index = this.#words.length;
      this.#words.push(ids);
      this.#lengths.push(ids.length);
      this.#counts.push(count);
      for (let at = 0; at + 1 < ids.length; at++) this.#change(pairKey(ids[at], ids[at + 1]), count, index);
    }
    for (const [key, count] of this.#pairCounts) this.#queue.push(key, count);
  }

  mostFrequentPair(): { left: number; right: number; count: number } | undefined {
    for (;;) {
      const top = this.#queue.pop();
      if (!top) return undefined;
      // Counts in the queue may be out of date: the pair goes back with its true one.
      const count = this.#pairCounts.get(top.key) ?? 0;
      if (count === top.count)
        return { left: Math.floor(top.key / maxVocab), right: top.key % maxVocab, count };
      if (count > 0) this.#queue.push(top.key, count);
    }
  }

  merge(left: number, right: number, id: number): void {
    const key = pairKey(left, right);
    const places = this.#wordsOfPair.get(key) ?? new Set();
    this.#wordsOfPair.delete(key);
    const grown = new Set<number>();
    for (const index of places) this.#mergeWord(index, left, right, id, grown);
    this.#pairCounts.delete(key);
    for (const pair of grown) {
      const count = this.#pairCounts.get(pair);
      if (count !== undefined && count > 0) this.#queue.push(pair, count);
    }
  }

  #mergeWord(index: number, left: number, right: number, id: number, grown: Set<number>): void {
    const word = this.#words[index];
    const count = this.#counts[index];
    const length = this.#lengths[index];
    let to = 0;
    for (let from = 0; from < length; ) {
      if (from + 1 < length && word[from] === left && word[from + 1] === right) {
        if (to > 0) {
          this.#change(pairKey(word[to - 1], left), -count, index);
          this.#grow(pairKey(word[to - 1], id), count, index, grown);
        }
        if (from + 2 < length) {
          this.#change(pairKey(right, word[from + 2]), -count, index);
          this.#grow(pairKey(id, word[from + 2]), count, index, grown);
        }
        word[to++] = id;
        from += 2;
      } else {
        word[to++] = word[from++];
      }
    }
    this.#lengths[index] = to;
  }

  #grow(key: number, count: number, index: number, grown: Set<number>): void {
    this.#change(key, count, index);
    grown.add(key);
  }

  #change(key: number, change: number, index: number): void {
    this.#pairCounts.set(key, (this.#pairCounts.get(key) ?? 0) + change);
    if (change < 0) return;
    const places = this.#wordsOfPair.get(key);
    if (places) places.add(index);
    else this.#wordsOfPair.set(key, new Set([index]));
  }
}

/** Binary heap of pairs: highest count first, then lowest key. */
class PairQueue {
  readonly #keys: number[] = [];
  readonly #counts: number[] = [];

  push(key: number, count: number): void {
    let at = this.#keys.length;
    this.#keys.push(key);
    this.#counts.push(count);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  pop(): { key: number; count: number } | undefined {
    if (this.#keys.length === 0) return undefined;
    this.#swap(0, this.#keys.length - 1);
    const top = { key: this.#keys.pop()!, count: this.#counts.pop()! };
    for (let at = 0; ; ) {
      let first = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#keys.length && this.#before(child, first)) first = child;
      }
      if (first === at) return top;
      this.#swap(at, first);
      at = first;
    }
  }

  #before(a: number, b: number): boolean {
    const difference = this.#counts[a] - this.#counts[b];
    return difference > 0 || (difference === 0 && this.#keys[a] < this.#keys[b]);
  }

  #swap(a: number, b: number): void {
    [this.#keys[a], this.#keys[b]] = [this.#keys[b], this.#keys[a]];
    [this.#counts[a], this.#counts[b]] = [this.#counts[b], this.#counts[a]];
  }
}
