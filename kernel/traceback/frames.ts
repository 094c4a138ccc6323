/** A line of a stack, as V8 prints it behind "at". */
export interface Frame {
  text: string;
  /** Where it is: a cell's name, a URL, a path or `node:…`; undefined for functions of V8 itself. */
  file?: string;
  line: number;
  column: number;
  /** Whose code it is. */
  owner: Owner;
}

/** The user's own code; V8's functions (`Array.map`); Node; moelab's API; the kernel; or the name of a package. */
export type Owner = "user" | "builtin" | "node" | "moelab" | "kernel" | `package ${string}`;

/** This file lies in `dist/kernel/traceback`. */
const dist = new URL("../../", import.meta.url).href;

export function ownerOf(file: string | undefined): Owner {
  if (!file || /^(native|index \d+|wasm:)|<anonymous>$/.test(file)) return "builtin";
  if (file.startsWith("node:")) return "node";
  const url = file.startsWith("/") ? `file://${file}` : file;
  if (url.startsWith(`${dist}kernel/`)) return "kernel";
  if (url.startsWith(dist)) return "moelab";
  const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url);
  return name ? `package ${name[1]}` : "user";
}

const located = /^(?:async )?(?:.*? \((.+):(\d+):(\d+)\)|(.+):(\d+):(\d+))$/;
/** Code that `eval` made is where it was called, as far as anybody can look. */
const evaluated = /^eval at .* \(([^()]+):(\d+):(\d+)\), /;

/** Reads the frames from the text of a stack. */
export function framesOf(stack: string): Frame[] {
  const frames: Frame[] = [];
  for (const found of stack.matchAll(/^ +at (.+)$/gm)) {
    const [, text] = found;
    const place = located.exec(text);
    const [file, line, column] = place ? (place[1] ? place.slice(1, 4) : place.slice(4, 7)) : [];
    const [, evalFile, evalLine, evalColumn] = (file && evaluated.exec(`${file}, `)) || [];
    const known = evalFile ?? file;
    frames.push({
      text,
      file: known,
      line: Number(evalLine ?? line),
      column: Number(evalColumn ?? column),
      owner: ownerOf(known),
    });
  }
  return frames;
}

/** A frame to show, or a number of frames that are not. */
export type FrameLine = Frame | { hidden: number; note: string };

/** Most frames of the user's that are shown one by one. */
const mostFrames = 16;

/**
 * What of a stack helps the author of a cell: their own frames, and of all other code what they called and where it
 * threw. Frames of the kernel, and of what called the user's code, are left out.
 */
export function relevant(frames: Frame[]): FrameLine[] {
  const known = frames.filter((frame) => frame.owner !== "kernel");
  const last = known.findLastIndex((frame) => frame.owner === "user");
  if (last < 0) return known.slice(0, mostFrames);
  const lines: FrameLine[] = [];
  for (let at = 0; at <= last; ) {
    if (known[at].owner === "user") {
      lines.push(known[at++]);
      continue;
    }
    let end = at;
    while (known[end].owner !== "user") end++;
    lines.push(...foreign(known.slice(at, end), at === 0));
    at = end;
  }
  return withoutMiddle(withoutRepeats(lines));
}

/** Of frames between the user's: the one that the user called, and where a package's code threw. */
function foreign(frames: Frame[], throwing: boolean): FrameLine[] {
  const called = frames.at(-1)!;
  const thrower = throwing && frames[0].owner.startsWith("package") ? frames.slice(0, 1) : [];
  if (frames.length <= thrower.length + 1) return frames;
  const hidden = frames.length - thrower.length - 1;
  const owner = called.owner === "builtin" ? frames[0].owner : called.owner;
  // What Node does inside helps nobody.
  if (owner === "node") return [...thrower, called];
  const note = owner === "builtin" ? "" : ` of ${owner.replace("package ", "")}`;
  return [...thrower, { hidden, note }, called];
}

/** The frames of a cause, without those at its end through which the outer error came, too. */
export function withoutShared(frames: FrameLine[], outer: FrameLine[]): FrameLine[] {
  let shared = 0;
  while (shared < frames.length && same(frames.at(-1 - shared), outer.at(-1 - shared))) shared++;
  // A note is no shorter than one frame.
  if (shared < 2) return frames;
  return [...frames.slice(0, -shared), { hidden: shared, note: ", as above" }];
}

function same(a: FrameLine | undefined, b: FrameLine | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Recursion: after one round of at most three frames only how many more there were. */
function withoutRepeats(lines: FrameLine[]): FrameLine[] {
  const kept: FrameLine[] = [];
  for (let at = 0; at < lines.length; ) {
    const period = [1, 2, 3].find((length) => {
      const next = lines.slice(at + length, at + 3 * length);
      return (
        next.length === 2 * length && next.every((line, each) => same(line, lines[at + (each % length)]))
      );
    });
    if (period === undefined) {
      kept.push(lines[at++]);
      continue;
    }
    let end = at + period;
    while (end < lines.length && same(lines[end], lines[end - period])) end++;
    kept.push(...lines.slice(at, at + period), { hidden: end - at - period, note: ", as above" });
    at = end;
  }
  return kept;
}

function withoutMiddle(lines: FrameLine[]): FrameLine[] {
  if (lines.length <= mostFrames) return lines;
  const half = mostFrames / 2;
  const middle = lines.slice(half, -half);
  const hidden = middle.reduce((sum, line) => sum + ("hidden" in line ? line.hidden : 1), 0);
  return [...lines.slice(0, half), { hidden, note: "" }, ...lines.slice(-half)];
}
