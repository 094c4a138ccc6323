// A Chromium for the tests that drive JupyterLab. Without one they are skipped, and the set-up says so.
import { existsSync } from "node:fs";
import { CommandFailed, command } from "../command.mjs";
import { diagnose } from "../diagnosis.mjs";
import { onPath } from "../places.mjs";
import { hashOf } from "../stamp.mjs";

export function browser() {
  const given = process.env.CHROMIUM;
  if (given) return existsSync(given) ? given : onPath(given);
  return ["chromium", "chromium-browser", "google-chrome"].map((name) => onPath(name)).find(Boolean);
}

export const chromium = {
  id: "browser",
  title: "Chromium for the browser tests",
  tools: [],
  hash: () => hashOf({}),
  present: () => browser() !== undefined,
  async run(progress) {
    if (browser()) return browser();
    const without = "NOT FOUND, the browser tests will be skipped";
    if (process.env.CHROMIUM) return `${without}: there is no program CHROMIUM=${process.env.CHROMIUM}`;
    if (!onPath("apt-get") || process.getuid?.() !== 0) {
      return `${without}; install chromium, or name one in CHROMIUM`;
    }
    const apt = (...args) =>
      command("browser", "apt-get", ["-q", "-y", ...args], {
        env: { DEBIAN_FRONTEND: "noninteractive" },
        onLine: progress.now,
      });
    try {
      await apt("update");
      await apt("install", "--no-install-recommends", "chromium");
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      return `${without}: apt-get could not install it, ${diagnose(error.output)?.cause ?? error.message} (${error.log})`;
    }
    return browser() ?? `${without}: apt-get installed no program named chromium`;
  },
};
