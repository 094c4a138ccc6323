type Accepts = (character: string) => boolean;

/** Any number of characters. */
const star = Symbol("*");

/**
 * A glob as SQLite's, which IPython's history searches with: `*`, `?`, `[abc]`, `[a-z]` and `[^a]`; case counts. Takes
 * at most time in proportion to pattern times text, whatever the pattern.
 */
export function globMatcher(pattern: string): (text: string) => boolean {
  const tokens = tokensOf(Array.from(pattern));
  return (text) => matches(tokens, Array.from(text));
}

function tokensOf(pattern: string[]): (Accepts | typeof star)[] {
  const tokens: (Accepts | typeof star)[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at];
    // The first character of a class may be the bracket itself.
    const end = character === "[" ? pattern.indexOf("]", at + (pattern[at + 1] === "^" ? 3 : 2)) : -1;
    if (character === "*") tokens.push(star);
    else if (character === "?") tokens.push(() => true);
    else if (end > 0) {
      tokens.push(characterClass(pattern.slice(at + 1, end)));
      at = end;
    } else tokens.push((other) => other === character);
  }
  return tokens;
}

function characterClass(inside: string[]): Accepts {
  const negated = inside[0] === "^";
  const members = negated ? inside.slice(1) : inside;
  const ranges: [from: string, to: string][] = [];
  for (let at = 0; at < members.length; at++) {
    const isRange = members[at + 1] === "-" && at + 2 < members.length;
    ranges.push([members[at], members[isRange ? at + 2 : at]]);
    if (isRange) at += 2;
  }
  return (other) => ranges.some(([from, to]) => from <= other && other <= to) !== negated;
}

function matches(tokens: (Accepts | typeof star)[], text: string[]): boolean {
  let token = 0;
  let at = 0;
  /** Where to go on when what follows the last star does not fit: let the star take one character more. */
  let starToken = -1;
  let starAt = 0;
  while (at < text.length) {
    const each = tokens[token];
    if (each === star) {
      starToken = token++;
      starAt = at;
    } else if (each?.(text[at])) {
      token++;
      at++;
    } else if (starToken >= 0) {
      token = starToken + 1;
      at = ++starAt;
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest === star);
}
