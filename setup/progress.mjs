// What the user sees while the set-up works: one line a step, on stderr, so that stdout stays a program's own.
const terminal = process.stderr.isTTY;
/** Without a terminal a long step says every so often that it lives. */
const heartbeat = 10_000;

export function seconds(ms) {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Follows one step: `now` takes the latest line of its output, `done` and `failed` close the line. */
export function follow(what) {
  const started = performance.now();
  let latest = "";
  const elapsed = () => seconds(performance.now() - started);
  const draw = () => {
    const line = `  … ${what} (${elapsed()})${latest ? `: ${latest}` : ""}`;
    const width = terminal ? process.stderr.columns || 80 : 120;
    const fitting = line.length < width ? line : `${line.slice(0, width - 2)}…`;
    if (!terminal) return say(fitting);
    process.stderr.write(`\r\x1b[2K${fitting}`);
  };
  if (terminal) draw();
  else say(`  … ${what}`);
  const timer = setInterval(draw, terminal ? 200 : heartbeat);
  const close = (mark, text) => {
    clearInterval(timer);
    say(`${terminal ? "\r\x1b[2K" : ""}  ${mark} ${text} (${elapsed()})`);
  };
  return {
    now(line) {
      latest = line;
    },
    done: (text) => close("✓", `${what}${text ? `: ${text}` : ""}`),
    failed: () => close("✗", what),
  };
}
