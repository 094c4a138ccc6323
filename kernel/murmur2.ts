/** The 32-bit hash MurmurHash2 of a text's UTF-8 bytes; Jupyter's clients name the source of a cell by it. */
export function murmur2(text: string, seed: number): number {
  const multiplier = 0x5bd1e995;
  const bytes = Buffer.from(text);
  const mix = (value: number) => Math.imul(value ^ (value >>> 24), multiplier);
  const whole = bytes.length & ~3;
  let hash = seed ^ bytes.length;
  for (let at = 0; at < whole; at += 4) {
    hash = Math.imul(hash, multiplier) ^ mix(Math.imul(bytes.readInt32LE(at), multiplier));
  }
  if (whole < bytes.length) {
    const rest = bytes.subarray(whole);
    hash = Math.imul(hash ^ rest.readUIntLE(0, rest.length), multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return (hash ^ (hash >>> 15)) >>> 0;
}
