import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { freshCheckout, node, project } from "./checkout.js";

describe("a second set-up", () => {
  it("finds out in less than two seconds what there is to do, here with all sources", async () => {
    const ended = await node(project, ["setup/setup.mjs", "--for", "test", "--check"]).ended;
    expect(ended.stderr).toMatch(/npm packages/);
    expect(ended.milliseconds).toBeLessThan(2000);
  });

  it("runs a step again when what it depends on changed, and only then", async () => {
    const checkout = freshCheckout({ installed: true });
    mkdirSync(join(checkout, "kernel"));
    const source = join(checkout, "kernel", "cli.ts");
    writeFileSync(source, "export const one = 1;\n");
    const body = `import { stamp, isStamped } from "./setup/stamp.mjs";
      import { typescript } from "./setup/steps/typescript.mjs";
      const before = isStamped("typescript", typescript.hash());
      if (process.argv[1] === "stamp") stamp("typescript", typescript.hash());
      console.log(before);`;
    const stamped = async (...args: string[]) =>
      (await node(checkout, ["--input-type=module", "-e", body, ...args]).ended).stdout.trim();
    expect(await stamped("stamp")).toBe("false");
    expect(await stamped()).toBe("true");
    writeFileSync(source, "export const one = 2;\n");
    expect(await stamped()).toBe("false");
    writeFileSync(source, "export const one = 1;\n");
    expect(await stamped()).toBe("true");
  });
});

describe("two set-ups at once", () => {
  const holding = `import { lock } from "./setup/lock.mjs"; import { main } from "./setup/error.mjs";
    await main(async () => {
      const unlock = await lock();
      console.log("held");
      await new Promise((resolve) => setTimeout(resolve, Number(process.argv[1])));
      unlock();
    });`;
  const hold = (checkout: string, milliseconds: number, env = {}) =>
    node(checkout, ["--input-type=module", "-e", holding, String(milliseconds)], env);
  const untilHeld = (child: ReturnType<typeof hold>["child"]) =>
    new Promise((resolve) => child.stdout.once("data", resolve));

  it("wait for one another", async () => {
    const checkout = freshCheckout();
    const first = hold(checkout, 1500);
    await untilHeld(first.child);
    const second = await hold(checkout, 0).ended;
    expect(second.code).toBe(0);
    expect(second.stderr).toContain(
      `another set-up of this project is under way (process ${first.child.pid})`,
    );
    expect(second.milliseconds).toBeGreaterThan(1000);
    expect((await first.ended).code).toBe(0);
  });

  it("do not wait for ever", async () => {
    const checkout = freshCheckout();
    const first = hold(checkout, 20_000);
    await untilHeld(first.child);
    const second = await hold(checkout, 0, { MOELAB_SETUP_WAIT_S: "1" }).ended;
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/another set-up \(process \d+\) has held this project for 1 s/);
    first.child.kill();
    await first.ended;
  });

  it("are not blocked by one that was killed", async () => {
    const checkout = freshCheckout();
    const first = hold(checkout, 60_000);
    await untilHeld(first.child);
    first.child.kill("SIGKILL");
    await first.ended;
    expect(readFileSync(join(checkout, ".moelab", "setup.lock"), "utf8")).toContain(String(first.child.pid));
    const second = await hold(checkout, 0).ended;
    expect(second.code).toBe(0);
    expect(second.stderr).toBe("");
  });

  it("that are told to end take the program they run with them", async () => {
    const checkout = freshCheckout();
    const body = `import { command } from "./setup/command.mjs";
      command("sleeper", "sh", ["-c", "echo $$; exec sleep 60"], { onLine: console.log });`;
    const { child, ended } = node(checkout, ["--input-type=module", "-e", body]);
    const pid = Number(await new Promise((resolve) => child.stdout.once("data", resolve)));
    child.kill("SIGTERM");
    expect((await ended).code).toBe(143);
    await sleep(200);
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  });
});
