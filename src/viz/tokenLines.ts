/** Where each token's box goes when text is set in lines of a given width. */
import { fitText, textWidth } from "./font.js";

export interface TokenBox {
  /** The token with its white-space made visible, cut to the line's width. */
  shown: string;
  /** Pixels from the left edge, and the box's width. */
  x: number;
  width: number;
  line: number;
}

export interface TokenLines {
  boxes: TokenBox[];
  /** Number of lines. */
  lines: number;
}

export interface LineMeasures {
  /** Pixels per line. */
  width: number;
  fontSize: number;
  /** Pixels between a box's edge and its text. */
  padding: number;
  /** Pixels between boxes. */
  gap: number;
  /** The least width of a box, so that its label has room. */
  smallest: number;
}

/** Sets tokens left to right; a token that does not fit starts a new line, one that ends with a line feed ends it. */
export function setTokenLines(tokens: readonly string[], measures: LineMeasures): TokenLines {
  const { width: lineWidth, fontSize, padding, gap, smallest } = measures;
  const boxes: TokenBox[] = [];
  let x = 0;
  let line = 0;
  tokens.forEach((token, i) => {
    const shown = fitText(visibleToken(token), lineWidth - 2 * padding, fontSize);
    const width = Math.max(smallest, Math.ceil(textWidth(shown, fontSize)) + 2 * padding);
    if (x > 0 && x + width > lineWidth) {
      x = 0;
      line++;
    }
    boxes.push({ shown, x, width, line });
    x += width + gap;
    if (token.endsWith("\n") && i < tokens.length - 1) {
      x = 0;
      line++;
    }
  });
  return { boxes, lines: line + 1 };
}

const signs: { [character: string]: string } = { " ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍", "\u00a0": "⍽" };

/** White-space and control characters as signs; the empty token as ∅. */
export function visibleToken(token: string): string {
  if (token === "") return "∅";
  return token.replace(/[\p{C}\p{Z}]/gu, (character) => {
    const sign = signs[character];
    if (sign) return sign;
    const hexadecimal = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
    return `‹U+${hexadecimal}›`;
  });
}
