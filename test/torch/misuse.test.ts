import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addon, packageRoot } from "../../src/engine/addon.js";
import * as torch from "../../src/torch/index.js";
import { inChild } from "./childProcess.js";

const any = (value: unknown): any => value;

function disposed(): torch.Tensor {
  const tensor = torch.ones([2]);
  tensor.dispose();
  return tensor;
}

const wrong: [string, unknown][] = [
  ["null", null],
  ["NaN", Number.NaN],
  ["-1", -1],
  ["1e300", 1e300],
  ["a string", "text"],
  ["a string with NUL", "a\0b"],
  ["a symbol", Symbol("s")],
  ["a function", () => 1],
  ["an object", {}],
  ["an array", [1]],
  ["nested arrays", [[1], [2]]],
  ["an array with holes", new Array(3)],
  ["a huge bigint", 2n ** 70n],
  ["a typed array", new Float32Array(2)],
  ["a disposed tensor", disposed()],
  ["an array of disposed tensors", [disposed()]],
  [
    "an object whose toString throws",
    {
      toString() {
        throw new Error("no text");
      },
    },
  ],
  [
    "an array that holds itself",
    (() => {
      const a: unknown[] = [];
      a.push(a);
      return a;
    })(),
  ],
];

describe("wrong arguments are errors", () => {
  const x = torch.ones([2, 3]);
  const positions: [string, (value: unknown) => unknown][] = [
    ["add(value)", (value) => x.add(any(value))],
    ["torch.add(value, x)", (value) => torch.add(any(value), x)],
    ["matmul(value)", (value) => x.matmul(any(value))],
    ["reshape(value)", (value) => x.reshape(any(value))],
    ["transpose(0, value)", (value) => x.transpose(0, any(value))],
    ["cat(value)", (value) => torch.cat(any(value))],
    ["cat([x, value])", (value) => torch.cat([x, any(value)])],
    ["index(value)", (value) => x.index(any(value))],
    ["zeros(value)", (value) => torch.zeros(any(value))],
    ["zeros with dtype", (value) => torch.zeros([2], { dtype: any(value) })],
    ["zeros with device", (value) => torch.zeros([2], { device: any(value) })],
    ["sum with keepdim", (value) => x.sum(0, { keepdim: any(value) })],
    ["an unknown option", (value) => x.sum(any({ unknown: value, dim: 0 }))],
    ["backward(value)", (value) => torch.ones([2]).requiresGrad_().mul(2).backward(any(value))],
    ["grad(value, …)", (value) => torch.grad(any(value), [x])],
    ["grad(…, value)", (value) => torch.grad(torch.ones([]).requiresGrad_().mul(2), any(value))],
    ["fromTypedArray(value)", (value) => torch.fromTypedArray(any(value))],
    ["fromTypedArray(…, value)", (value) => torch.fromTypedArray(new Float32Array(6), any(value))],
    ["manualSeed(value)", (value) => torch.manualSeed(any(value))],
    ["requires_grad = value in ops", (value) => torch.ops.aten.set_data(x, value)],
  ];
  // Where a value is fine after all.
  const fits = new Set([
    "add(value): NaN",
    "add(value): -1",
    "add(value): 1e300",
    "torch.add(value, x): -1",
    "transpose(0, value): -1",
    "reshape(value): -1",
    "manualSeed(value): -1",
    "index(value): an array",
    "zeros with dtype: null",
    "zeros with device: null",
    "sum with keepdim: null",
    "backward(value): null",
    "zeros(value): an array",
    "fromTypedArray(value): a typed array",
    "grad(…, value): an array with holes",
    "cat(value): an array with holes",
    "index(value): an array with holes",
  ]);
  for (const [position, call] of positions) {
    it(position, () => {
      for (const [text, value] of wrong) {
        let caught: unknown;
        try {
          call(value);
        } catch (error) {
          caught = error;
        }
        if (caught === undefined) expect(fits, `${position}: ${text}`).toContain(`${position}: ${text}`);
        else expect(caught, `${position}: ${text}`).toBeInstanceOf(Error);
      }
    });
  }

  it("the raw addon takes nothing on trust", () => {
    const engine = any(addon());
    const values = [
      undefined,
      null,
      Number.NaN,
      -1,
      4e9,
      1e300,
      0.5,
      "x",
      {},
      [],
      [1e12],
      2n ** 70n,
      Symbol("s"),
      () => 1,
    ];
    const spare = new Set([
      "setErrorClass",
      "setThreads",
      "manualSeed",
      "setAutocast",
      "collectionDue",
      "system",
      "listOperators",
      "setGradientEnabled",
    ]);
    const used = torch.memoryUsage().tensors;
    for (const [name, call] of Object.entries(engine) as [string, (...args: unknown[]) => unknown][]) {
      if (spare.has(name)) continue;
      for (const a of values) {
        for (const b of values) {
          try {
            call(a, b, a, b, a, b);
          } catch (error) {
            expect(error, name).toBeInstanceOf(Error);
          }
        }
      }
    }
    expect(torch.memoryUsage().tensors).toBeLessThanOrEqual(used + values.length ** 2);
    for (const index of [undefined, -1, 1e9, Number.NaN, "0"]) {
      if (Number.isNaN(index)) continue;
      expect(() => engine.call(index), String(index)).toThrow(/index from lookUp/);
    }
    const add = engine.lookUp("aten::add", "Tensor");
    expect(() => engine.call(add, ...Array(45).fill(0))).toThrow(/takes 3 arguments, got 45/);
    expect(() => engine.lookUp("aten::add", "no\0such")).toThrow(/aten::add/);
  });

  it("an array whose getter throws gives that error", () => {
    const trap = [2, 3];
    Object.defineProperty(trap, 1, {
      get: () => {
        throw new RangeError("trap");
      },
    });
    expect(() => x.reshape(trap)).toThrow("trap");
    expect(() => torch.zeros(trap)).toThrow("trap");
  });
});

describe("errors name the operator, shapes and dtypes", () => {
  it("shapes that do not fit", () => {
    const a = torch.ones([2, 3]);
    const b = torch.ones([2, 3], { dtype: "float64" });
    expect(() => a.matmul(b)).toThrow(/torch\.matmul[\s\S]*\[2, 3\] Float[\s\S]*\[2, 3\] Double/);
    try {
      a.matmul(a);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(torch.TorchError);
      expect((error as torch.TorchError).operator).toBe("torch.matmul");
    }
  });

  it("memory that is not there", () => {
    for (const make of [
      () => torch.zeros([1e15]),
      () => torch.empty([1e6, 1e6]),
      () => torch.ones([2 ** 36]),
      () => torch.randn([1e12]),
      () => torch.ones([1]).expand([1e13]).contiguous(),
    ]) {
      try {
        make();
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(torch.TorchError);
        expect((error as torch.TorchError).code, (error as Error).message).toBe("OUT_OF_MEMORY");
        expect((error as Error).message).toMatch(/^torch\.\w+: out of memory/);
      }
    }
  });

  it("sizes beyond 64 bits", () => {
    expect(() => torch.zeros([2 ** 62, 8])).toThrow(torch.TorchError);
    expect(() => torch.zeros([2 ** 40, 2 ** 40])).toThrow(torch.TorchError);
    expect(() => torch.zeros([1e300])).toThrow(torch.TorchError);
    expect(() => torch.zeros([-1])).toThrow(torch.TorchError);
    expect(() => torch.zeros([1.5])).toThrow(/integer/);
    expect(() => torch.ones([2]).expand([any(2n ** 70n)])).toThrow(/64 bits/);
  });

  it("indices out of range", () => {
    const x = torch.ones([3, 2]);
    for (const bad of [3, -4, 2 ** 40]) {
      const index = torch.tensor([bad], { dtype: "int64" });
      expect(() => x.indexSelect(0, index)).toThrow(/out of range/);
      expect(() => torch.embedding(x, index)).toThrow(/out of range/);
      expect(() => x.gather(0, index.reshape([1, 1]))).toThrow(/out of bounds/);
      expect(() => x.scatter(0, index.reshape([1, 1]), 1)).toThrow(/out of bounds/);
      expect(() => x.index([index])).toThrow(/out of bounds/);
      expect(() => x.indexAdd(0, index, torch.ones([1, 2]))).toThrow(/out of (range|bounds)/);
      expect(() => x.take(torch.tensor([2 ** 33], { dtype: "int64" }))).toThrow(/out of range/);
      expect(() => x.narrow(0, bad, 1)).toThrow();
      expect(() => x.select(0, bad)).toThrow();
    }
  });
});

describe("disposed tensors", () => {
  const gone = disposed();
  const x = torch.ones([2]).requiresGrad_();
  const uses: Record<string, () => unknown> = {
    method: () => gone.add(1),
    argument: () => x.add(gone),
    "in a list": () => torch.cat([x, gone]),
    "in an index": () => x.index([gone]),
    shape: () => gone.ndim,
    dtype: () => gone.dtype,
    grad: () => gone.grad,
    "grad =": () => {
      x.grad = gone;
    },
    backward: () => gone.backward(),
    "gradient of backward": () => x.mul(2).backward(gone),
    "inputs of backward": () =>
      x
        .mul(2)
        .sum()
        .backward(undefined, { inputs: [gone] }),
    "outputs of grad": () => torch.grad(gone, [x]),
    "inputs of grad": () => torch.grad(x.sum(), [gone]),
    "gradOutputs of grad": () => torch.grad(x.mul(2), [x], { gradOutputs: [gone] }),
    asTypedArray: () => gone.asTypedArray(),
    "asTypedArray, copied": () => gone.asTypedArray({ copy: true }),
    toArray: () => gone.toArray(),
    setData: () => x.setData(gone),
    copy_: () => torch.ones([2]).copy_(gone),
    requiresGrad_: () => gone.requiresGrad_(),
  };
  for (const [use, call] of Object.entries(uses)) {
    it(use, () => expect(call).toThrow(/disposed/));
  }
  it("can still be printed and disposed again", () => {
    expect(String(gone)).toBe("Tensor (disposed)");
    gone.dispose();
  });
});

describe("scopes", () => {
  it("free what they made when they throw, and the outer scope goes on", () => {
    const before = torch.memoryUsage().tensors;
    torch.tidy(() => {
      expect(() =>
        torch.tidy(() => {
          torch.ones([2]).add(1);
          throw new Error("inside");
        }),
      ).toThrow("inside");
      expect(torch.memoryUsage().tensors).toBe(before);
      torch.ones([2]);
    });
    expect(torch.memoryUsage().tensors).toBe(before);
  });

  it("hand results outwards, keep what is kept", () => {
    let kept: torch.Tensor | undefined;
    const result = torch.tidy(() =>
      torch.tidy(() => {
        kept = torch.keep(torch.ones([2]));
        return { deep: [torch.ones([3])], map: new Map([["a", torch.ones([4])]]) };
      }),
    );
    expect(kept!.toArray()).toEqual([1, 1]);
    expect(result.deep[0].shape).toEqual([3]);
    expect(result.map.get("a")!.shape).toEqual([4]);
  });

  it("refuse asynchronous bodies", () => {
    expect(() => torch.tidy(async () => torch.ones([2]))).toThrow(/synchronous/);
    expect(() => torch.noGrad(async () => 1)).toThrow(/synchronous/);
    expect(torch.isGradEnabled()).toBe(true);
  });

  it("noGrad nests and survives exceptions", () => {
    torch.noGrad(() => {
      expect(torch.isGradEnabled()).toBe(false);
      torch.enableGrad(() => expect(torch.isGradEnabled()).toBe(true));
      expect(() =>
        torch.enableGrad(() => {
          throw new Error("inside");
        }),
      ).toThrow("inside");
      expect(torch.isGradEnabled()).toBe(false);
    });
    expect(torch.isGradEnabled()).toBe(true);
  });
});

describe("buffers", () => {
  it("detached ones are an error or empty", () => {
    const array = new Float32Array(4);
    structuredClone(array.buffer, { transfer: [array.buffer] });
    expect(array.length).toBe(0);
    expect(() => torch.fromTypedArray(array, [4])).toThrow();
    expect(torch.fromTypedArray(array).shape).toEqual([0]);
    expect(() => addon().fromBuffer(array, 0, [4], 6)).toThrow(/buffer has 0/);
  });

  it("shared ones work", () => {
    const array = new Float32Array(new SharedArrayBuffer(16));
    const tensor = torch.fromTypedArray(array);
    array[2] = 5;
    expect(tensor.toArray()).toEqual([0, 0, 5, 0]);
  });

  it("too short or misaligned ones are refused", () => {
    const engine = addon();
    const bytes = new Uint8Array(16);
    expect(() => engine.fromBuffer(bytes, 0, [5], 6)).toThrow(/needs 20 bytes/);
    expect(() => engine.fromBuffer(bytes, 4, [4], 6)).toThrow(/16/);
    expect(() => engine.fromBuffer(bytes, -4, [1], 6)).toThrow();
    expect(() => engine.fromBuffer(bytes, 1, [1], 6)).toThrow(/multiple/);
    expect(() => engine.fromBuffer(bytes, 0, [2 ** 40, 2 ** 40], 6)).toThrow();
    expect(() => engine.fromBuffer(bytes, 0, [1], 99)).toThrow(/dtype/);
    expect(() => engine.copyTo(torch.ones([2]).handle, new Float32Array(3))).toThrow(
      /12 bytes, the tensor 8/,
    );
  });
});

describe("functions with a backward in JavaScript", () => {
  const double = (backward: (gradient: torch.Tensor | null) => unknown) =>
    torch.autogradFunction({
      name: "Double",
      forward: (_: torch.FunctionContext, x: torch.Tensor) => x.mul(2),
      backward: (_, gradient) => any(backward(gradient)),
    });
  const x = () => torch.ones([3]).requiresGrad_();

  it("their error comes through as it is, and the next pass works", () => {
    class OwnError extends Error {}
    const broken = double(() => {
      throw new OwnError("mine");
    });
    for (let i = 0; i < 3; i++) expect(() => broken(x()).mul(3).sum().backward()).toThrow(OwnError);
    const thrown = double(() => {
      throw "a string";
    });
    let caught: unknown;
    try {
      thrown(x()).sum().backward();
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe("a string");
    const good = x();
    double((gradient) => gradient!.mul(2))(good)
      .sum()
      .backward();
    expect(good.grad!.toArray()).toEqual([2, 2, 2]);
  });

  it("wrong numbers, shapes and kinds of gradients are errors", () => {
    expect(() =>
      double(() => [])(x())
        .sum()
        .backward(),
    ).toThrow(/Double: backward must return one gradient/);
    expect(() =>
      double((g) => [g, g])(x())
        .sum()
        .backward(),
    ).toThrow(/got 2/);
    expect(() =>
      double(() => torch.ones([4]))(x())
        .sum()
        .backward(),
    ).toThrow(/shape/);
    expect(() =>
      double(() => disposed())(x())
        .sum()
        .backward(),
    ).toThrow(/disposed/);
    expect(() =>
      double(() => "text")(x())
        .sum()
        .backward(),
    ).toThrow();
    expect(() =>
      double(() => 7)(x())
        .sum()
        .backward(),
    ).toThrow();
    const none = x();
    double(() => null)(none)
      .sum()
      .backward();
    expect(none.grad).toBe(null);
  });

  it("a backward may run another backward", () => {
    const inner = x();
    const outer = x();
    double((gradient) => {
      torch.enableGrad(() => inner.mul(inner).sum()).backward();
      return gradient!.mul(2);
    })(outer)
      .sum()
      .backward();
    expect(inner.grad!.toArray()).toEqual([2, 2, 2]);
    expect(outer.grad!.toArray()).toEqual([2, 2, 2]);
    const failing = double(() => {
      const deep = double(() => {
        throw new Error("deep");
      });
      torch.enableGrad(() => deep(x()).sum()).backward();
      return null;
    });
    expect(() => failing(x()).sum().backward()).toThrow("deep");
  });

  it("may dispose what it is given", () => {
    const input = x();
    const result = double((gradient) => {
      const given = gradient!.mul(2);
      gradient!.dispose();
      return given;
    })(input);
    const sum = result.sum();
    result.dispose();
    sum.backward();
    expect(input.grad!.toArray()).toEqual([2, 2, 2]);
  });
});

describe("processes", () => {
  const ends = (code: string) => {
    const ending = inChild(code);
    expect(ending, ending.stderr).toMatchObject({ code: 0, signal: null });
    return ending.stdout.trim();
  };

  it("end well with tensors, graphs and shared buffers alive", () => {
    ends(`globalThis.x = torch.ones([1000]).requiresGrad_();
      globalThis.y = torch.autogradFunction({ forward: (c, x) => x.mul(2), backward: (c, g) => g })(globalThis.x);
      globalThis.array = torch.ones([1000]).asTypedArray();
      globalThis.over = torch.fromTypedArray(new Float32Array(1000));`);
    ends("torch.ones([10]).asTypedArray(); process.exit(0)");
  });

  it("a second thread gets an error; ending it harms nothing", () => {
    const out = ends(`import { Worker } from "node:worker_threads";
      torch.ones([2]);
      const worker = new Worker(\`try { require(\${JSON.stringify(addonPath())}); require("node:worker_threads").parentPort.postMessage("loaded") }
        catch (error) { require("node:worker_threads").parentPort.postMessage(error.message) }
        setInterval(() => {}, 1000);\`, { eval: true, execArgv: [] });
      const message = await new Promise((resolve) => worker.once("message", resolve));
      await worker.terminate();
      console.log(message, torch.ones([2]).add(1).toArray());`);
    expect(out).toMatch(/belongs to the thread that loaded it[\s\S]*\[ 2, 2 \]/);
  });

  it("a worker may own the engine and be ended in the middle", () => {
    const out = ends(`import { Worker } from "node:worker_threads";
      const worker = new Worker(\`const engine = require(\${JSON.stringify(addonPath())});
        const ones = engine.lookUp("aten::ones", "");
        globalThis.buffer = engine.toBuffer(engine.call(ones, [100]));
        require("node:worker_threads").parentPort.postMessage("ready");
        for (;;) engine.release(engine.call(ones, [100]));\`, { eval: true, execArgv: [] });
      await new Promise((resolve, reject) => { worker.once("message", resolve); worker.once("error", reject); });
      await worker.terminate();
      try { torch.ones([2]); } catch (error) { console.log(error.message); }`);
    expect(out).toMatch(/belongs to the thread that loaded it/);
  });

  it("memory fills up to an error, and what is freed can be used again", () => {
    // Under an address-space limit, as in a small container.
    // (Granted, not written: filling it would take the test's time.)
    const code = `const held = [];
      let failure;
      try { for (let i = 0; i < 400; i++) held.push(torch.empty([2 ** 26])); } catch (error) { failure = error; }
      console.log(failure.code, held.length > 3);
      for (const tensor of held) tensor.dispose();
      console.log(torch.ones([2 ** 24]).sum().item());`;
    const ending = inChild(code, { addressSpaceKiB: 5 * 2 ** 20 });
    expect(ending, ending.stderr).toMatchObject({ code: 0, signal: null });
    expect(ending.stdout.trim()).toBe(`OUT_OF_MEMORY true\n${2 ** 24}`);
  });

  it("random calls of every typed operator: nothing ends the process", () => {
    const folder = mkdtempSync(join(tmpdir(), "moelab-fuzz-"));
    try {
      for (const seed of ["1", "2"]) {
        const log = join(folder, "call");
        const script = join(packageRoot(), "test/torch/fuzzOperators.mjs");
        const child = spawnSync(process.execPath, [script, seed, "5", log], {
          cwd: folder, // from_file creates the files it is asked for
          encoding: "utf8",
          timeout: 100_000,
        });
        const last = readFileSync(log, "utf8");
        expect({
          seed,
          code: child.status,
          signal: child.signal,
          last,
          error: child.status ? child.stderr.slice(-2000) : "",
        }).toMatchObject({ code: 0, signal: null });
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
