import { spawn } from "node:child_process";
import { expect, it } from "vitest";
import { parseGpus } from "../../../kernel/messaging/resources/gpus.js";
import { hostMemory } from "../../../kernel/messaging/resources/host.js";
import { memoryOf, processTree } from "../../../kernel/messaging/resources/processes.js";

it("a process tree has children and grandchildren, with their time and memory", async () => {
  // Its name holds what separates the fields of /proc/PID/stat.
  const child = spawn("bash", ["-c", 'exec -a "a) R (b" bash -c "sleep 30 & echo ready; wait"']);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const tree = await processTree(process.pid);
  const below = await processTree(child.pid!);
  expect(below[0]).toMatchObject({ pid: child.pid, parent: process.pid });
  expect(below).toHaveLength(2);
  expect(tree.map(({ pid }) => pid)).toEqual(expect.arrayContaining(below.map(({ pid }) => pid)));
  expect(tree[0].cpu).toBeGreaterThan(0);
  const memory = await memoryOf(tree.slice(0, 1));
  expect(memory).toBeGreaterThan(20 * 1024 * 1024);
  expect(memory).toBeLessThan((await hostMemory()).total);
  process.kill(below[1].pid);
  child.kill();
});

it("graphics cards come with what the kernel's processes hold, where the driver tells", () => {
  const cards = "GPU-1, 143771, 1024, NVIDIA H200\nGPU-2, 143771, 0, NVIDIA H200\n";
  const uses = "GPU-1, 41, 512\nGPU-1, 42, 256\nGPU-1, 99, 256\nGPU-2, 42, [N/A]\n";
  const mebibyte = 1024 * 1024;
  expect(parseGpus(cards, uses, new Set([41, 42]))).toEqual([
    {
      name: "NVIDIA H200",
      memory_total: 143771 * mebibyte,
      memory_used: 1024 * mebibyte,
      kernel_memory: 768 * mebibyte,
    },
    { name: "NVIDIA H200", memory_total: 143771 * mebibyte, memory_used: 0, kernel_memory: null },
  ]);
  expect(parseGpus("", "", new Set([1]))).toEqual([]);
});
