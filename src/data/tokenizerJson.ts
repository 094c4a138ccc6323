/** The parts of a Hugging Face `tokenizer.json` that are looked at here. */
export interface TokenizerJson {
  added_tokens: { id: number; content: string; special: boolean; [option: string]: unknown }[];
  normalizer: object | null;
  pre_tokenizer: ({ type: string } & Record<string, unknown>) | null;
  post_processor: object | null;
  decoder: ({ type: string } & Record<string, unknown>) | null;
  model: { type: string; vocab: Record<string, number> | [string, number][] } & Record<string, unknown>;
  [part: string]: unknown;
}
