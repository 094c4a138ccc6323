import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Finding } from "../../kernel/doctor/finding.js";

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "moelab-doctor-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface Report {
  code: number | null;
  stdout: string;
  stderr: string;
}

function doctor(root: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Report> {
  const child = spawn(process.execPath, [join(root, "dist", "kernel", "cli.js"), "doctor", ...args], {
    env: { ...process.env, ...env },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })));
}

async function findings(root: string, env: NodeJS.ProcessEnv = {}) {
  const { code, stdout } = await doctor(root, ["--json"], env);
  const report = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
  const named = (name: string) => report.findings.find((finding) => finding.name === name);
  return { code, report, named };
}

/** A compiled moelab of its own, whose engine is what the test makes of it. */
function copyWithoutEngine(): string {
  const folder = temporaryFolder();
  for (const name of ["package.json", "package-lock.json", "tsconfig.json", "setup", "dist/kernel"]) {
    cpSync(join(project, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  mkdirSync(join(folder, "native", "build", "Release"), { recursive: true });
  return folder;
}

const engineIn = (folder: string) => join(folder, "native", "build", "Release", "moelab.node");

describe("moelab doctor", () => {
  it("finds this checkout fit to run, and gives a reason for everything that is off", async () => {
    const { code, report, named } = await findings(project);
    expect(report.findings.filter(({ status }) => status === "problem")).toEqual([]);
    expect(code).toBe(0);
    expect(report.ok).toBe(true);
    for (const name of [
      "moelab",
      "node",
      "typescript",
      "tslab",
      "zeromq",
      "apache-arrow",
      "engine",
      "libtorch",
    ]) {
      expect(named(name), name).toMatchObject({ status: "ok", value: expect.stringMatching(/\S/) });
    }
    expect(named("node")?.value).toBe(process.versions.node);
    expect(named("libtorch")?.value).toMatch(/^2\.13\.\d+\S* in \//);
    expect(named("cpu cores")?.value).toMatch(/^\d+ for this process/);
    for (const finding of report.findings) {
      expect(finding.status).toMatch(/^(ok|off|problem)$/);
      if (finding.status !== "ok") expect(finding.reason, finding.name).toMatch(/\S/);
    }
  });

  it("says why CUDA and NCCL are off, or what they are", async () => {
    const { named } = await findings(project);
    for (const name of ["cuda", "nccl"]) {
      const finding = named(name);
      if (finding?.status === "ok") expect(finding.value).toMatch(/\S/);
      else expect(finding?.reason).toMatch(/CPU build|no NVIDIA driver|no usable device|no libnccl/);
    }
  });

  it("is a readable list without --json", async () => {
    const { code, stdout } = await doctor(project, []);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}✓ node +\d+\.\d+/m);
    expect(stdout).toMatch(/\nEverything that running needs is there\.\n$/);
  });

  it("refuses an argument it does not know", async () => {
    const { code, stderr } = await doctor(project, ["--yaml"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/expected --json or nothing, got --yaml/);
  });
});

describe("an engine", () => {
  it("that is not built is a problem with its fix", async () => {
    const { code, report, named } = await findings(copyWithoutEngine());
    expect(code).toBe(1);
    expect(report.ok).toBe(false);
    expect(named("engine")).toMatchObject({ status: "problem", fix: "run `npm run setup`" });
    expect(named("engine")?.reason).toMatch(/it is not built \(expected .*moelab\.node\)/);
    expect(named("cuda")?.reason).toMatch(/the engine does not load/);
  });

  it("that is damaged is reported with the loader's reason", async () => {
    const folder = copyWithoutEngine();
    writeFileSync(engineIn(folder), "this is no library");
    const { code, named } = await findings(folder);
    expect(code).toBe(1);
    expect(named("engine")?.status).toBe("problem");
    expect(named("engine")?.reason).toMatch(
      /does not load: .*(file too short|invalid ELF header|slice is not valid)/,
    );
  });

  it("that crashes while it loads ends only its own process", async () => {
    const folder = copyWithoutEngine();
    const source = join(folder, "crash.cc");
    writeFileSync(
      source,
      "#include <cstdlib>\n__attribute__((constructor)) static void start() { std::abort(); }\n",
    );
    execFileSync("c++", ["-shared", "-fPIC", "-o", engineIn(folder), source]);
    const { code, stdout } = await doctor(folder, []);
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ engine +problem: it does not load: its process ended with SIGABRT/);
    expect(stdout).toMatch(/1 problem prevents running\.\n$/);
  });
});

describe("a machine", () => {
  it("whose graphics driver does not answer is told what the driver's own program says", async () => {
    const bin = temporaryFolder();
    const says = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.";
    writeFileSync(join(bin, "nvidia-smi"), `#!/bin/sh\necho "${says}"\nexit 9\n`, { mode: 0o755 });
    const { named } = await findings(project, { PATH: `${bin}${delimiter}${process.env.PATH}` });
    expect(named("nvidia driver")).toMatchObject({ status: "off", reason: `nvidia-smi fails: ${says}` });
  });

  it("without CMake still runs, and is told what it cannot do", async () => {
    const { code, named } = await findings(project, { PATH: temporaryFolder() });
    expect(code).toBe(0);
    expect(named("cmake")).toMatchObject({ status: "off" });
    expect(named("cmake")?.reason).toMatch(/no program cmake on PATH; only the set-up needs it/);
  });

  it("whose kernelspec starts a program that is gone is told which", async () => {
    const jupyter = temporaryFolder();
    const kernel = join(jupyter, "kernels", "moelab");
    mkdirSync(kernel, { recursive: true });
    writeFileSync(join(kernel, "kernel.json"), JSON.stringify({ argv: ["/gone/node", "{connection_file}"] }));
    const { report } = await findings(project, { JUPYTER_PATH: jupyter });
    const found = report.findings.find(({ value }) => value === join(kernel, "kernel.json"));
    expect(found).toMatchObject({ name: "kernelspec", status: "off" });
    expect(found?.reason).toMatch(/it starts \/gone\/node, which is not there/);
  });
});
