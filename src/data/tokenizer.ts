import { readFileSync } from "node:fs";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { byteOfCharacter } from "./byteCharacters.js";
import type { TokenizerJson } from "./tokenizerJson.js";
import { words } from "./words.js";

/** Text to token ids and back. */
export class Tokenizer {
  /** Number of ids, special tokens included. */
  readonly vocabSize: number;
  /** The content of its `tokenizer.json`, to be saved beside a model. */
  readonly json: TokenizerJson;
  /** Id of the token that ends a text (`<|endoftext|>`, `</s>`, …), when there is one. */
  readonly endOfText: number | undefined;
  readonly #engine: HuggingFaceTokenizer;
  /** Ids of the words met so far, when the words of a text can be encoded one by one. */
  readonly #ofWord: Map<string, readonly number[]> | undefined;
  readonly #special: RegExp | undefined;
  /** Bytes of each token, for byte-level vocabularies. */
  readonly #bytes: (Uint8Array | undefined)[] | undefined;

  /** Use {@link tokenizer}. */
  constructor(json: TokenizerJson) {
    this.json = json;
    this.#engine = new HuggingFaceTokenizer(json, { clean_up_tokenization_spaces: false });
    const vocabulary = this.#engine.get_vocab();
    let largest = -1;
    for (const id of vocabulary.values()) largest = Math.max(largest, id);
    this.vocabSize = largest + 1;
    this.endOfText = endTokens.map((token) => this.#engine.token_to_id(token)).find((id) => id !== undefined);
    if (cutsIntoGpt2Words(json)) {
      this.#ofWord = new Map();
      const contents = json.added_tokens.map(({ content }) => content).sort((a, b) => b.length - a.length);
      if (contents.length > 0) this.#special = new RegExp(`(${contents.map(escapePattern).join("|")})`);
    }
    if (json.decoder?.type === "ByteLevel") this.#bytes = byteTable(vocabulary, json);
  }

  /**
   * Token ids of a text, without tokens that a model would want around it. Special tokens that stand in the text
   * become their ids. Half of a surrogate pair, which is no text, comes back as U+FFFD.
   */
  encode(text: string): Int32Array {
    if (!this.#ofWord) return Int32Array.from(this.#engine.encode(text, { add_special_tokens: false }).ids);
    const ids = new IdBuffer();
    const sections = this.#special ? text.split(this.#special) : [text];
    for (const [at, section] of sections.entries()) {
      // split() puts what the pattern matched at the odd places.
      if (at % 2 === 1) ids.push([this.#engine.token_to_id(section)!]);
      else for (const word of words(section)) ids.push(this.#encodeWord(word));
    }
    return ids.take();
  }

  /** The text of ids. For byte-level vocabularies exactly the text that was encoded. */
  decode(ids: ArrayLike<number | bigint>): string {
    const list = Array.from(ids, Number);
    for (const id of list) this.#check(id);
    if (list.length === 0) return "";
    if (!this.#bytes) return this.#engine.decode(list, { skip_special_tokens: false });
    const parts = list.map((id) => this.#bytes![id] ?? noBytes);
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.concat(parts));
  }

  /** Each id by itself as printable text; bytes that are not a whole character as `\xE2`. */
  tokens(ids: ArrayLike<number | bigint>): string[] {
    return Array.from(ids, (id) => this.#printable(Number(id)));
  }

  /** The id of a token as it stands in the vocabulary. */
  tokenId(token: string): number | undefined {
    return this.#engine.token_to_id(token);
  }

  #encodeWord(word: string): readonly number[] {
    const known = this.#ofWord!.get(word);
    if (known) return known;
    const { ids } = this.#engine.encode(word, { add_special_tokens: false });
    if (this.#ofWord!.size >= rememberedWords) this.#ofWord!.clear();
    this.#ofWord!.set(word, ids);
    return ids;
  }

  #printable(id: number): string {
    this.#check(id);
    if (!this.#bytes) return this.#engine.decode([id], { skip_special_tokens: false });
    const bytes = this.#bytes[id] ?? noBytes;
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return Array.from(bytes, (byte) =>
        byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase()}`,
      ).join("");
    }
  }

  #check(id: number): void {
    if (!Number.isInteger(id) || id < 0 || id >= this.vocabSize) {
      throw new RangeError(`tokenizer: ${id} is no token id, they go from 0 to ${this.vocabSize - 1}`);
    }
  }
}

/**
 * A tokenizer from a Hugging Face `tokenizer.json`: its content, as {@link trainBpe} returns it, or its path.
 * @throws Error when the file is missing or no tokenizer
 */
export function tokenizer(source: TokenizerJson | string): Tokenizer {
  if (typeof source !== "string") return new Tokenizer(source);
  let json: TokenizerJson;
  try {
    json = JSON.parse(readFileSync(source, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new Error(`tokenizer: there is no file ${source}`);
    throw new Error(`tokenizer: ${source} cannot be read as JSON: ${(error as Error).message}`);
  }
  if (typeof json?.model !== "object")
    throw new Error(`tokenizer: ${source} has no "model": it is no tokenizer.json`);
  return new Tokenizer(json);
}

const endTokens = ["<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>"];
const rememberedWords = 1_000_000;
const noBytes = new Uint8Array(0);

/** Whether encoding word by word gives the same ids as encoding the text. */
function cutsIntoGpt2Words({
  normalizer,
  pre_tokenizer: cut,
  model,
  added_tokens: added,
}: TokenizerJson): boolean {
  return (
    normalizer === null &&
    model.type === "BPE" &&
    cut?.type === "ByteLevel" &&
    cut.add_prefix_space === false &&
    cut.use_regex !== false &&
    added.every(({ lstrip, rstrip, single_word }) => !lstrip && !rstrip && !single_word)
  );
}

function byteTable(
  vocabulary: Map<string, number>,
  { added_tokens: added }: TokenizerJson,
): (Uint8Array | undefined)[] {
  const table: (Uint8Array | undefined)[] = [];
  const verbatim = new Set(added.map(({ content }) => content));
  for (const [token, id] of vocabulary) {
    const bytes = verbatim.has(token)
      ? undefined
      : Array.from(token, (character) => byteOfCharacter.get(character));
    table[id] =
      bytes && !bytes.includes(undefined)
        ? Uint8Array.from(bytes as number[])
        : new TextEncoder().encode(token);
  }
  return table;
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

/** A growing list of ids. */
class IdBuffer {
  #memory = new Int32Array(1024);
  #length = 0;

  push(ids: readonly number[]): void {
    if (this.#length + ids.length > this.#memory.length) {
      const larger = new Int32Array(2 * (this.#memory.length + ids.length));
      larger.set(this.#memory);
      this.#memory = larger;
    }
    for (let at = 0; at < ids.length; at++) this.#memory[this.#length++] = ids[at];
  }

  take(): Int32Array {
    return this.#memory.slice(0, this.#length);
  }
}
