import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tableFile } from "../../../src/arrow/columnTable.js";
import { moe, nn, torch } from "../../../src/index.js";
import { evaluatePython } from "../../python/run.js";
import { routings } from "./routings.js";

torch.setThreads(1);

function twoLayers(): nn.Sequential {
  torch.manualSeed(1);
  return new nn.Sequential(
    new moe.MoELayer({ dim: 4, hidden: 4, experts: 3, capacityFactor: 0.5 }),
    new moe.MoELayer({ dim: 4, hidden: 4, experts: 4, topK: 1 }),
  );
}

function recorded(passes: number): moe.RoutingHistory {
  const model = twoLayers();
  const history = new moe.RoutingHistory();
  for (let step = 1; step <= passes; step++) {
    torch.tidy(() => void model.forward(torch.randn([10, 4])));
    history.record(step, model);
  }
  return history;
}

const column = (table: ReturnType<moe.RoutingHistory["tables"]>["experts"], name: string) =>
  Array.from({ length: table.numRows }, (_, row) => table.getChild(name)!.get(row));

describe("tables of routing", () => {
  test("a row for each record, layer and expert, typed", () => {
    const { experts } = recorded(3).tables();
    expect(experts.numRows).toBe(3 * (3 + 4));
    expect(experts.schema.fields.map(({ name, type }) => `${name}: ${type}`)).toEqual([
      "step: Int32",
      "recorded: Int32",
      "layer: Dictionary<Int16, Utf8>",
      "expert: Int32",
      "load: Float64",
      "taken: Float64",
      "dropped: Float64",
      "gateMass: Float64",
      "probability: Float64",
    ]);
    expect(column(experts, "step")).toEqual([1, 2, 3].flatMap((step) => Array(7).fill(step)));
    expect(column(experts, "layer").slice(0, 7)).toEqual([0, 0, 0, 1, 1, 1, 1].map((at) => `layers.${at}`));
    expect(column(experts, "expert").slice(0, 7)).toEqual([0, 1, 2, 0, 1, 2, 3]);
    const sum = (name: string) => column(experts, name).reduce((total, value) => total + value, 0);
    expect(sum("load")).toBe(3 * (10 * 2 + 10));
    expect(sum("taken")).toBe(sum("load") - sum("dropped"));
    expect(sum("dropped")).toBeGreaterThan(0);
    expect(sum("probability")).toBeCloseTo(3 * 2, 4);
  });

  test("a row for each record and layer, and for each pair of experts", () => {
    const { layers, coactivation } = recorded(2).tables();
    expect(layers.numRows).toBe(4);
    expect(column(layers, "tokens")).toEqual([10, 10, 10, 10]);
    expect(column(layers, "load")).toEqual([20, 10, 20, 10]);
    for (const entropy of column(layers, "entropy")) expect(entropy).toBeGreaterThan(0.5);
    for (const confidence of column(layers, "confidence")) expect(confidence).toBeLessThan(1);
    expect(coactivation.numRows).toBe(2 * (9 + 16));
    const pairs = new Map<string, number>();
    const [layer, expert, other, tokens] = ["layer", "expert", "other", "tokens"].map((name) =>
      column(coactivation, name),
    );
    for (const [row, value] of tokens.entries())
      pairs.set(`${layer[row]} ${expert[row]} ${other[row]}`, value);
    expect(pairs.get("layers.0 1 2")).toBe(pairs.get("layers.0 2 1"));
    expect(pairs.get("layers.1 0 1")).toBe(0); // one expert a token
  });

  test("of any pass of a model, whatever its gate", () => {
    for (const { make } of routings) {
      const { layer } = make();
      const { experts, layers } = moe.routingStatistics(layer);
      expect(column(experts, "load")).toEqual(Array.from(layer.routing!.load.toArray() as number[], Number));
      expect(column(layers, "tokens")).toEqual([60]);
    }
    expect(moe.routingStatistics(new nn.Linear(2, 2)).experts.numRows).toBe(0);
  });

  test("are snapshots: what is recorded later does not change them", () => {
    const model = twoLayers();
    const history = new moe.RoutingHistory();
    const pass = (step: number) => {
      torch.tidy(() => void model.forward(torch.randn([10, 4])));
      history.record(step, model);
    };
    pass(1);
    const before = history.tables();
    for (let step = 2; step <= 40; step++) pass(step);
    expect(before.experts.numRows).toBe(7);
    expect(before.coactivation.numRows).toBe(25);
    const after = history.tables();
    expect(after.experts.numRows).toBe(280);
    // Co-activation is kept in fewer records, with the same total.
    expect(after.coactivation.numRows).toBeLessThanOrEqual(16 * 25);
    const recordedSteps = new Map(column(after.coactivation, "step").map((step, row) => [step, row]));
    const count = column(after.coactivation, "recorded");
    expect([...recordedSteps.values()].reduce((sum, row) => sum + count[row], 0)).toBe(40);
  });

  test("come back from columns, layers in their order", () => {
    const history = recorded(5);
    const shuffled = Object.fromEntries(Object.entries(history.toColumns()).sort().reverse());
    const again = moe.RoutingHistory.fromColumns(shuffled);
    expect(again.toColumns()).toEqual(history.toColumns());
    expect(again.load.layers.map(({ layer, experts }) => [layer, experts])).toEqual([
      ["layers.0", 3],
      ["layers.1", 4],
    ]);
    expect(moe.RoutingHistory.fromColumns({}).length).toBe(0);
  });

  test("as files, are what pyarrow reads", () => {
    const folder = mkdtempSync(join(tmpdir(), "moelab-routing-"));
    try {
      const path = join(folder, "experts.arrow");
      const { experts } = recorded(2).tables();
      writeFileSync(path, tableFile(experts));
      const printed = evaluatePython(
        `
import json, sys, pyarrow
table = pyarrow.ipc.open_file(sys.argv[1]).read_all()
print(json.dumps([table.column_names, table["layer"].to_pylist(), table["load"].to_pylist()]))
`,
        path,
      );
      const read = JSON.parse(printed) as [string[], string[], number[]];
      expect(read[0]).toContain("gateMass");
      expect(read[1]).toEqual(column(experts, "layer"));
      expect(read[2]).toEqual(column(experts, "load"));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
