/** Colours that mean something: which expert, how loaded, which series; and which ink can be read on them. */

export type Rgb = readonly [red: number, green: number, blue: number];

/** Series of curves: the Okabe-Ito set, told apart with every common kind of colour vision. */
export const seriesColours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

/** Under, at and over the fair load: blue, near white, orange, which do not depend on telling red from green. */
export const loadColours = ["#0b5394", "#5a9bd4", "#b9d5ec", "#f5f5f2", "#f8cfa2", "#ec8a32", "#a84300"];
export const deadColour = "#3a3a3a";

/** The load colour at `position` in [−1, 1], 0 being fair; linear between the neighbours. */
export function loadColour(position: number): string {
  const place = ((Math.min(1, Math.max(-1, position)) + 1) / 2) * (loadColours.length - 1);
  const i = Math.min(loadColours.length - 2, Math.floor(place));
  const [from, to] = [parseHex(loadColours[i]), parseHex(loadColours[i + 1])];
  return toHex(from.map((value, c) => value + (to[c] - value) * (place - i)) as unknown as Rgb);
}

/** Black or white, whichever contrasts more with `background` (WCAG 2.1 contrast ratio). */
export function inkOn(background: string): "#000000" | "#ffffff" {
  const luminance = relativeLuminance(parseHex(background));
  return (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) ? "#000000" : "#ffffff";
}

const palettes = new Map<number, readonly string[]>();

/**
 * `count` colours for experts: the Okabe-Ito set (with its yellow for its black), then always the candidate farthest
 * from all before it and from white, by distance in OKLab (https://bottosson.github.io/posts/oklab).
 */
export function expertColours(count: number): readonly string[] {
  let palette = palettes.get(count);
  if (!palette) {
    palette = farthestColours(count);
    palettes.set(count, palette);
  }
  return palette;
}

const firstExperts = [...seriesColours.slice(0, 6), "#f0e442"];

function farthestColours(count: number): string[] {
  const chosen = firstExperts.slice(0, count);
  const candidates = paletteCandidates();
  const nearest = candidates.map(() => Number.POSITIVE_INFINITY);
  const keepAway = (taken: Rgb) => {
    candidates.forEach(({ lab }, i) => {
      nearest[i] = Math.min(nearest[i], labDistance(lab, taken));
    });
  };
  // White, so that no box vanishes on the page.
  for (const taken of ["#ffffff", ...chosen]) keepAway(oklab(parseHex(taken)));
  while (chosen.length < count) {
    const next = nearest.indexOf(Math.max(...nearest));
    if (nearest[next] === 0) return Array.from({ length: count }, (_, i) => chosen[i % chosen.length]);
    chosen.push(toHex(candidates[next].rgb));
    keepAway(candidates[next].lab);
  }
  return chosen;
}

interface Candidate {
  rgb: Rgb;
  lab: Rgb;
}

/** A grid of OKLCH colours that screens can show, without the very dark and the glaring ones. */
function paletteCandidates(): Candidate[] {
  const candidates: Candidate[] = [];
  for (let lightness = 0.42; lightness <= 0.92; lightness += 0.05) {
    for (const chroma of [0.03, 0.07, 0.11, 0.15]) {
      for (let hue = 0; hue < 360; hue += 9) {
        const angle = (hue * Math.PI) / 180;
        const lab: Rgb = [lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)];
        const rgb = rgbFromOklab(lab);
        if (rgb) candidates.push({ rgb, lab });
      }
    }
  }
  return candidates;
}

function labDistance(a: Rgb, b: Rgb): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

function oklab(rgb: Rgb): Rgb {
  const [r, g, b] = rgb.map(linear);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** The sRGB colour, or undefined when it lies outside what a screen can show. */
function rgbFromOklab([lightness, a, b]: Rgb): Rgb | undefined {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const channels = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  if (channels.some((channel) => channel < 0 || channel > 1)) return undefined;
  return channels.map(
    (channel) => 255 * (channel <= 0.0031308 ? 12.92 * channel : 1.055 * channel ** (1 / 2.4) - 0.055),
  ) as unknown as Rgb;
}

function linear(value: number): number {
  const channel = value / 255;
  return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
}

function relativeLuminance(rgb: Rgb): number {
  return 0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2]);
}

function parseHex(hex: string): Rgb {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;
}

function toHex(rgb: Rgb): string {
  return `#${rgb.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;
}
