/** Cutting a text into the words within which byte-level merges stay. */

/** How GPT-2 cuts a text into words, within which merges stay. What it does not match does not exist. */
const wordPattern = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** Characters of a text that are cut at a time: matches of a whole corpus at once would fill the memory. */
const pieceLength = 1 << 16;

/** The words of a text, as GPT-2 cuts it; together they are the text. */
export function* words(text: string): Generator<string, void, void> {
  for (let start = 0; start < text.length; ) {
    let end = start + pieceLength;
    if (end < text.length) end = pieceEnd(text, end);
    yield* (text.slice(start, end).match(wordPattern) ?? []) as string[];
    start = end;
  }
}

/** The first place from `from` on where a cut changes no word: before a space that follows something else. */
function pieceEnd(text: string, from: number): number {
  const boundary = /\S(?=[ \n]\S)/g;
  boundary.lastIndex = from;
  const match = boundary.exec(text);
  return match ? match.index + 1 : text.length;
}
