import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Session } from "../../dist/kernel/session/session.js";
import type { SessionEvent } from "../../kernel/session/events.js";

let folder: string;
let session: Session;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "moelab-live-"));
  session = await Session.start({ cwd: folder });
});
afterAll(async () => {
  await session.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a cell; gives its value, which is JSON. */
async function cell(code: string): Promise<unknown> {
  const events: SessionEvent[] = [];
  const outcome = await session.execute({ code }, (event) => events.push(event));
  expect(outcome.error?.traceback.join("\n")).toBeUndefined();
  const shown = events.find((event) => event.type === "result");
  const text = shown?.type === "result" ? String(shown.data["text/plain"]) : "null";
  return JSON.parse(text.replace(/^'|'$/g, ""));
}

it("one cell trains in the background, with a gate that a cell defined; another reads its routing meanwhile", async () => {
  await cell(`
    import { models, moe, nn, torch, train, viz } from "moelab";
    torch.setThreads(1);
    class MyGate extends moe.Gate {
      proj: nn.Linear;
      constructor(dim: number, experts: number) {
        super();
        this.proj = new nn.Linear(dim, experts, { bias: false });
      }
      forward(x: torch.Tensor) {
        return moe.topK(this.proj.forward(x).sigmoid(), 2);
      }
    }
    const model = models.moeTransformer({
      vocab: 32, dim: 16, layers: 2, heads: 2, contextLength: 16,
      moe: { experts: 4, hidden: 16, capacityFactor: 1, gate: ({ dim, experts }) => new MyGate(dim, experts) },
    });
    const dataset = {
      batch() {
        const ids = torch.randint(32, [4, 17]);
        return { inputs: ids.narrow(1, 0, 16), targets: ids.narrow(1, 1, 16) };
      },
    };
    const run = train.fit(model, dataset, { steps: 1_000_000, routingEvery: 1 });
    null`);

  await cell("for await (const { step } of run) if (step >= 20) break;\nnull");
  const looks = (await cell(`
    const before = run.routing;
    const rows = before.experts.numRows;
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 10));
    const column = (name: string) => Array.from(before.experts.getChild(name)!.toArray() as Float64Array);
    const [step, load, taken, dropped] = ["step", "load", "taken", "dropped"].map(column);
    const whole = load.every((_, row) => load[row] === taken[row] + dropped[row]);
    const perStep = new Map<number, number>();
    step.forEach((at, row) => perStep.set(at, (perStep.get(at) ?? 0) + load[row]));
    JSON.stringify({
      status: run.status, rows, later: before.experts.numRows, grown: run.routing.experts.numRows, whole,
      steps: perStep.size, sums: [...new Set(perStep.values())],
      map: viz.loadMap(run).text.split("\\n")[0],
    })`)) as Record<string, unknown>;
  expect(looks).toMatchObject({ status: "running", whole: true, sums: [2 * 2 * 64] });
  expect(looks.rows).toBeGreaterThanOrEqual(20 * 8);
  expect(looks.steps).toBe((looks.rows as number) / 8);
  expect(looks.later).toBe(looks.rows);
  expect(looks.grown).toBeGreaterThan(looks.rows as number);
  expect(looks.map).toMatch(/^Expert load: 2 layers of 4 experts, top-2/);

  expect(await cell("JSON.stringify((await run.stop()).status)")).toBe("stopped");
}, 120_000);
