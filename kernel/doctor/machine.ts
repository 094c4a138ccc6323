import { readFileSync, statfsSync } from "node:fs";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { installationFolder } from "../installation.js";
import { type Finding, off, ok, problem } from "./finding.js";

const gibi = 2 ** 30;

/** Bytes as a person reads them. */
function size(bytes: number): string {
  if (bytes >= gibi) return `${(bytes / gibi).toFixed(1)} GiB`;
  return bytes >= 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(0)} MiB` : `${(bytes / 1024).toFixed(0)} KiB`;
}

/** What each processor feature is to the engine. */
const features: [name: string, without: string][] = [
  ["avx2", "vector arithmetic falls back to 128-bit code"],
  ["avx512f", "float32 arithmetic uses 256-bit vectors"],
  ["avx512_bf16", "bfloat16 vectors are widened to float32 first"],
  ["amx_tile", "no matrix tiles: bfloat16 products run on vectors, many times slower"],
  ["amx_bf16", "no bfloat16 matrix tiles: such products run on vectors, many times slower"],
];

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function processor(): Finding[] {
  const model = cpus()[0]?.model.trim() || process.arch;
  const cores = availableParallelism();
  const found = [
    ok("cpu", model),
    ok("cpu cores", `${cores} for this process, ${cpus().length} in the machine`),
  ];
  const flags = read("/proc/cpuinfo")
    .match(/^flags\s*:\s*(.*)$/m)?.[1]
    .split(/\s+/);
  for (const [name, without] of process.arch === "x64" ? features : []) {
    if (flags === undefined)
      found.push(off(`cpu ${name}`, "this system does not list its processor's features"));
    else if (flags.includes(name)) found.push(ok(`cpu ${name}`, "yes"));
    else found.push(off(`cpu ${name}`, `not in this processor (or hidden by a virtual machine): ${without}`));
  }
  return found;
}

/** How much memory may be page-locked, which copies between host and device need to run beside computation. */
function lockedMemory(): Finding {
  const line = read("/proc/self/limits").match(/^Max locked memory\s+(\S+)/m);
  if (!line) return off("locked memory", "this system does not state the limit");
  if (line[1] === "unlimited") return ok("locked memory", "unlimited");
  const limit = Number(line[1]);
  if (limit >= gibi) return ok("locked memory", size(limit));
  const fix = "raise it with `ulimit -l unlimited`, or `memlock` in /etc/security/limits.conf";
  return off("locked memory", `only ${size(limit)} may be page-locked by mlock`, fix, size(limit));
}

function disk(): Finding {
  const { bavail, bsize } = statfsSync(installationFolder);
  const free = bavail * bsize;
  const value = `${size(free)} free`;
  if (free < 0.2 * gibi) {
    return problem("disk", "too little to write notebooks and checkpoints", "free some space", value);
  }
  if (free < 10 * gibi) {
    return off("disk", "a fresh set-up may need 10 GiB; checkpoints come on top", "free some space", value);
  }
  return ok("disk", value);
}

export function machine(): Finding[] {
  const memory = `${size(totalmem())}, ${size(freemem())} free`;
  return [...processor(), ok("memory", memory), lockedMemory(), disk()];
}
