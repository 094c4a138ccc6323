import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Session } from "../../dist/kernel/session/session.js";
import type { SessionEvent } from "../../kernel/session/events.js";
import { root } from "../../setup/places.mjs";
import { SpawnedRun, Workplace } from "../kernel/run/spawnedRun.js";

const work = new Workplace();
let session: Session;

beforeAll(async () => {
  session = await Session.start({ cwd: work.folder });
  await run(
    'import { progress } from "moelab";\nconst sleep = (time: number) => new Promise((done) => setTimeout(done, time));',
  );
});
afterAll(async () => {
  await session.close();
  work.remove();
});

type Shown = Extract<SessionEvent, { type: "display" | "updateDisplay" }>;

/** What a cell displayed, after it has ended. */
async function run(code: string, interruptAfter?: number): Promise<Shown[]> {
  const events: SessionEvent[] = [];
  const running = session.execute({ code }, (event) => events.push(event));
  if (interruptAfter) setTimeout(() => void session.interrupt(), interruptAfter);
  const { status, error } = await running;
  expect(error?.traceback.join("\n") ?? status).toMatch(interruptAfter ? /interrupted/ : /^ok$/);
  expect(events.filter((event) => event.type === "result")).toEqual([]);
  return events.filter((event) => event.type === "display" || event.type === "updateDisplay");
}

const lines = (shown: Shown | undefined) => String(shown?.data["text/plain"]).split("\n");
const last = async (code: string, interruptAfter?: number) => lines((await run(code, interruptAfter)).at(-1));

describe("a progress bar in a cell", () => {
  it("is one output, updated now and then, whose last state says that all is done", async () => {
    const shown = await run("for (const step of progress(200_000, { label: 'count' })) void step;");
    expect(shown[0]).toMatchObject({ type: "display", displayId: expect.stringMatching(/^progress-/) });
    expect(lines(shown[0])[0]).toMatch(/^count {4}0% /);
    expect(
      shown
        .slice(1)
        .every(({ type, displayId }) => type === "updateDisplay" && displayId === shown[0].displayId),
    ).toBe(true);
    expect(shown.length).toBeLessThan(20);
    expect(lines(shown.at(-1))[0]).toMatch(/^count {2}100% .* 200,000\/200,000 · .*\/s · [\d.]+ s$/);
    expect(shown.at(-1)?.data["text/html"]).toContain('<progress value="1000" max="1000"');
  });

  it("takes anything that can be iterated, at once or later, and knows its size", async () => {
    expect(
      (await last("for (const each of progress(new Set(['a', 'b']))) each.toUpperCase();"))[0],
    ).toContain("2/2");
    expect(
      (await last("function* odd() { yield 1; yield 3 }\nfor (const each of progress(odd())) void each;"))[0],
    ).toMatch(/^2 · /);
    const asynchronous = `async function* late() { yield 1; await sleep(5); yield 2; }
for await (const each of progress(late(), { total: 2, unit: "tokens" })) void each;`;
    expect((await last(asynchronous))[0]).toContain("2/2 tokens");
  });

  it("counts by hand, with a note, and stops with its block", async () => {
    const [line] = await last(`{
      using bar = progress(3_000_000, { unit: "B" });
      bar.update(1_500_000);
      bar.note = "half";
    }`);
    expect(line).toMatch(/^ 50% .* 1\.5 MB\/3 MB · .* · stopped after .* · half$/);
    expect((await last("const bar = progress(2); bar.update(); bar.update();\nbar"))[0]).toContain("2/2");
  });

  it("says when a loop was left early, by break or by an error", async () => {
    expect((await last("for (const each of progress([1, 2, 3])) if (each === 2) break;"))[0]).toContain(
      "1/3 · ",
    );
    const [line] = await last("try { for (const each of progress(5)) if (each === 3) throw each; } catch {}");
    expect(line).toMatch(/3\/5 .* stopped after/);
  });

  it("stands below the bar that runs already, without growing with each round", async () => {
    const rows = await last(`for (const epoch of progress(4, { label: "epochs" })) {
  for (const batch of progress(3, { label: "train" })) void batch;
  for (const batch of progress(2, { label: "test" })) void batch;
}`);
    expect(rows).toEqual([
      expect.stringMatching(/^epochs {2}100% .* 4\/4/),
      expect.stringMatching(/^test {4}100% .* 2\/2/),
    ]);
    const together = await last(`const all = await Promise.all([30, 10, 20].map(async (time, at) => {
  const bar = progress(1, { label: \`file \${at}\` });
  await sleep(time);
  bar.update();
}));`);
    expect(together).toEqual([0, 1, 2].map((at) => expect.stringMatching(`^file ${at}  100%`)));
  });

  it("is shown once more by another cell, as after a page was loaded anew, and followed in both", async () => {
    const [first] = await run("const kept = progress(2, { label: 'kept' });\nkept");
    const [again, update] = await run("display(kept); kept.update(); kept.update();");
    expect(again).toMatchObject({ type: "display", displayId: first.displayId });
    expect(update).toMatchObject({ type: "updateDisplay", displayId: first.displayId });
  });

  it("is left as stopped by an interrupt, of a busy loop as of one that waits", async () => {
    expect((await last("for await (const each of progress(1000)) await sleep(10);", 400)).at(0)).toContain(
      "stopped after",
    );
    // A loop that was terminated says so only when its cell has ended.
    const events: SessionEvent[] = [];
    const code = "for (const each of progress(1e12, { label: 'busy' })) void each;";
    setTimeout(() => void session.interrupt(), 400);
    await session.execute({ code }, (event) => events.push(event));
    await run("await sleep(50);");
    expect(lines(events.at(-1) as Shown)[0]).toMatch(/^busy .* stopped after/);
  });

  it("says what it takes", async () => {
    const { error } = await session.execute({ code: "progress(null as any)" }, () => {});
    expect(error?.message).toBe("progress: expected something to iterate or how many there are, got object.");
    const total = await session.execute({ code: "progress([1], { total: -1 })" }, () => {});
    expect(total.error?.message).toBe("progress: expected a total of 0 or more, got -1.");
    const late = "async function* one() { yield 1 }\nfor (const each of progress(one() as any)) void each;";
    expect((await session.execute({ code: late }, () => {})).error?.message).toContain(
      "for await (const item of progress(…))",
    );
  });
});

it("a saved notebook holds the last state, as text and HTML; so it does of text written over itself", async () => {
  work.notebook("progress.ipynb", [
    'import { progress } from "moelab";\nfor (const each of progress(50, { label: "saved" })) await new Promise((done) => setTimeout(done, 10));',
    "for (let each = 0; each <= 100; each++) process.stdout.write('\\rstep ' + each);\nconsole.log();",
  ]);
  const { code, stdout } = await new SpawnedRun(work.folder, [
    "run",
    "progress.ipynb",
    "-o",
    "progress.out.ipynb",
  ]).finished;
  expect(code).toBe(0);
  expect(stdout).toMatch(/saved {2}100% .*50\/50/);
  const [bar, stream] = work.read("progress.out.ipynb").cells.map((cell: any) => cell.outputs);
  expect(bar).toHaveLength(1);
  expect(Object.keys(bar[0].data).sort()).toEqual(["text/html", "text/plain"]);
  expect(bar[0].data["text/plain"]).toMatch(/^saved {2}100% .*50\/50/);
  expect(stream).toEqual([{ output_type: "stream", name: "stdout", text: "step 100\n" }]);
});

it("on a terminal a bar is written over, unless something else was printed", () => {
  work.write(
    "bar.mjs",
    `import { progress } from ${JSON.stringify(join(root, "dist/src/index.js"))};
for (const epoch of progress(2, { label: "epochs" })) {
  await new Promise((done) => setTimeout(done, 150));
  if (epoch === 0) console.log("printed");
}`,
  );
  const spawn = "import pty, sys; pty.spawn(sys.argv[1:])";
  const python = join(root, ".moelab/python/bin/python");
  const text = execFileSync(python, ["-c", spawn, process.execPath, work.path("bar.mjs")], {
    encoding: "utf8",
  });
  const bars = text.split("\r\n").map((line) => line.replace("\u001b[1A\r\u001b[J", "↑").slice(0, 13));
  expect(bars.slice(0, 3)).toEqual(["epochs    0% ", "printed", "epochs   50% "]);
  expect(bars[3]).toBe("↑epochs  100%");
});
