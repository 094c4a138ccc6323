import { closestName } from "../closestName.js";
import { bash, bashLine } from "./bash.js";
import { cd } from "./cd.js";
import { env } from "./env.js";
import { type CellMagic, type LineMagic, MagicError } from "./magic.js";
import { lsmagic, magicsList } from "./magicsList.js";
import { npm } from "./npm.js";
import { ranks } from "./ranks.js";
import { reset } from "./reset.js";
import { time, timeCell } from "./time.js";
import { unchecked } from "./unchecked.js";
import { who, whos } from "./who.js";

export const lineMagics: readonly LineMagic[] = [
  bashLine,
  cd,
  env,
  lsmagic,
  magicsList,
  npm,
  reset,
  time,
  who,
  whos,
];

export const cellMagics: readonly CellMagic[] = [bash, ranks, timeCell, unchecked];

export function lineMagic(name: string): LineMagic | undefined {
  return lineMagics.find((magic) => magic.name === name);
}

export function cellMagic(name: string): CellMagic | undefined {
  return cellMagics.find((magic) => magic.name === name);
}

/** Says which magic was probably meant. */
export function unknownMagic(mark: "%" | "%%", name: string): MagicError {
  const [own, other] = mark === "%" ? [lineMagics, cellMagics] : [cellMagics, lineMagics];
  const names = own.map((magic) => magic.name);
  if (other.some((magic) => magic.name === name)) {
    const advice = mark === "%" ? `%%${name} in the first line of a cell` : `%${name} in a line`;
    return new MagicError(`${mark}${name} is not known. Did you mean ${advice}?`);
  }
  const closest = closestName(name, names);
  const advice = closest ? `Did you mean ${mark}${closest}?` : "%magics lists those that are.";
  return new MagicError(`${mark}${name} is not known. ${advice}`);
}
