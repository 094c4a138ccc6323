/** What is shown of one bar. */
export interface ProgressState {
  label: string;
  count: number;
  /** Undefined when nobody knows how many there will be. */
  total: number | undefined;
  /** What is counted; "B" for bytes. */
  unit: string;
  /** "stopped": left before its end. */
  state: "running" | "done" | "stopped";
  /** Seconds from its start to now, or to its end. */
  elapsed: number;
  /** Of the recent past; of all the time once it has ended. */
  perSecond: number | undefined;
  note: string;
}

/** Characters of a whole bar. */
const barWidth = 24;
const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** Bars as lines of text, with labels of one width. */
export function progressText(bars: readonly ProgressState[]): string {
  const width = Math.max(...bars.map((bar) => bar.label.length));
  return bars.map((bar) => (width > 0 ? `${bar.label.padEnd(width)}  ` : "") + textOf(bar)).join("\n");
}

function textOf(bar: ProgressState): string {
  const share = shareOf(bar);
  if (share === undefined) return factsOf(bar);
  const length = share * barWidth;
  const drawn = "█".repeat(Math.floor(length)) + eighths[Math.floor((length % 1) * eighths.length)];
  return `${percent(share).padStart(4)} ▕${drawn.padEnd(barWidth)}▏ ${factsOf(bar)}`;
}

/** Bars as HTML that survives the sanitizers of notebooks. */
export function progressHtml(bars: readonly ProgressState[]): string {
  const width = Math.max(...bars.map((bar) => bar.label.length));
  const rows = bars.map((bar) => {
    const share = shareOf(bar);
    const label = `<span style="display: inline-block; min-width: ${width}ch">${escaped(bar.label)}</span> `;
    const drawn =
      share === undefined
        ? ""
        : `<progress value="${Math.round(share * 1000)}" max="1000" style="width: 16em; vertical-align: middle">` +
          `</progress> <span style="display: inline-block; min-width: 4ch; text-align: right">${percent(share)}</span> `;
    return `<div>${width > 0 ? label : ""}${drawn}${escaped(factsOf(bar))}</div>`;
  });
  return `<div style="font-family: monospace; white-space: nowrap">${rows.join("")}</div>`;
}

function shareOf({ count, total }: ProgressState): number | undefined {
  if (total === undefined) return undefined;
  return total > 0 ? Math.min(1, count / total) : 1;
}

/** Never 100 before all is there. */
function percent(share: number): string {
  return `${Math.floor(share * 100)}%`;
}

/** "42/100 batches · 3.4 batches/s · 12 s · 17 s left · loss 0.3" */
function factsOf({ count, total, unit, state, elapsed, perSecond, note }: ProgressState): string {
  const bytes = unit === "B";
  const amount = (value: number) => (bytes ? byteText(value) : numberText(value));
  const suffix = bytes || unit === "" ? "" : ` ${unit}`;
  const facts = [`${amount(count)}${total === undefined ? "" : `/${amount(total)}`}${suffix}`];
  if (perSecond !== undefined) facts.push(speedText(perSecond, bytes ? byteText : numberText));
  facts.push(state === "stopped" ? `stopped after ${timeText(elapsed)}` : timeText(elapsed));
  if (state === "running" && total !== undefined && perSecond !== undefined && total > count) {
    facts.push(`${timeText((total - count) / perSecond)} left`);
  }
  if (note !== "") facts.push(note);
  return facts.join(" · ");
}

/** The slow are told by what one takes. */
function speedText(perSecond: number, amount: (value: number) => string): string {
  return perSecond < 0.1 ? `${timeText(1 / perSecond)} each` : `${amount(perSecond)}/s`;
}

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

function numberText(value: number): string {
  if (Number.isInteger(value) || value >= 1000) return grouped.format(value);
  return String(Number(value.toPrecision(3)));
}

function byteText(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  let scaled = value;
  for (; scaled >= 999.5 && unit < units.length - 1; unit++) scaled /= 1000;
  return `${Number(scaled.toPrecision(3))} ${units[unit]}`;
}

/** "0.4 s", "12 s", "3 min 5 s", "2 h 10 min" */
function timeText(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${grouped.format(Math.floor(whole / 3600))} h ${Math.floor((whole % 3600) / 60)} min`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
