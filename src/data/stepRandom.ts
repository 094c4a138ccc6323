/**
 * Randomness as a pure function of a seed and a step, so that training resumes at any step without a saved state of
 * a generator.
 */

/** 32-bit hash of whole numbers: each is mixed in with the finalizer of MurmurHash3. */
export function mixSeed(...numbers: number[]): number {
  let hash = 0x9e3779b9;
  for (const number of numbers) {
    hash = finalize(hash ^ (number | 0));
    hash = finalize((hash + 0x9e3779b9) ^ Math.floor(number / 2 ** 32));
  }
  return hash >>> 0;
}

function finalize(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Whole numbers uniform in [0, bound), for bounds up to 2^53, from the stream that `seeds` name. */
export function uniformIntegers(count: number, bound: number, ...seeds: number[]): number[] {
  const stream = mixSeed(...seeds);
  return Array.from({ length: count }, (_, index) => {
    const high = mixSeed(stream, index, 0) >>> 6; // 26 bits
    const low = mixSeed(stream, index, 1) >>> 5; // 27 bits
    return Math.floor(((high * 2 ** 27 + low) / 2 ** 53) * bound);
  });
}
