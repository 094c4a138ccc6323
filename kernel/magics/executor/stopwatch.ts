import process from "node:process";

/** Measures what the code behind `%time` takes. */
export class Stopwatch {
  #wall = 0;
  #cpu: NodeJS.CpuUsage = { user: 0, system: 0 };

  start(): void {
    this.#cpu = process.cpuUsage();
    this.#wall = performance.now();
  }

  /** Times since {@link start}, in the words of IPython. The CPU time is that of all threads. */
  report(): string {
    const wall = (performance.now() - this.#wall) * 1e3;
    const { user, system } = process.cpuUsage(this.#cpu);
    const cpu = `user ${duration(user)}, sys: ${duration(system)}, total: ${duration(user + system)}`;
    return `CPU times: ${cpu}\nWall time: ${duration(wall)}\n`;
  }
}

const units: [name: string, microseconds: number][] = [
  ["s", 1e6],
  ["ms", 1e3],
  ["µs", 1],
];

function duration(microseconds: number): string {
  const seconds = Math.round(microseconds / 1e6);
  if (seconds >= 60) {
    const parts = [
      [Math.floor(seconds / 3600), "h"],
      [Math.floor(seconds / 60) % 60, "min"],
      [seconds % 60, "s"],
    ] as const;
    return parts.flatMap(([count, unit]) => (count > 0 ? [`${count}${unit}`] : [])).join(" ");
  }
  const [unit, size] = units.find(([, each]) => microseconds >= each) ?? units[2];
  return `${Number((microseconds / size).toPrecision(3))} ${unit}`;
}
