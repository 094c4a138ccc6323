import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { python, root } from "../../setup/places.mjs";

export interface JupyterLab {
  /** The folder the browser sees. */
  folder: string;
  /** Where a file of that folder opens. */
  address(file: string): string;
  /** What the server said so far, for a failing test. */
  log(): string;
  stop(): Promise<void>;
}

/** Settings under which nothing but the notebook moves on the page: no news, no updates, every cell in the document. */
const settings = {
  "@jupyterlab/apputils-extension/notification": { fetchNews: "false", checkForUpdates: false },
  "@jupyterlab/notebook-extension/tracker": { windowingMode: "none" },
};

/** A JupyterLab of the private environment on a free loopback port, with settings and files of its own. */
export async function startJupyterLab(): Promise<JupyterLab> {
  const home = mkdtempSync(join(tmpdir(), "moelab-jupyterlab-"));
  const place = (name: string) => {
    mkdirSync(join(home, name), { recursive: true });
    return join(home, name);
  };
  for (const [name, values] of Object.entries(settings)) {
    const file = join(place("settings"), `${name}.jupyterlab-settings`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(values));
  }
  const folder = place("notebooks");
  const runtime = place("runtime");
  // The kernel of this checkout, whichever one the environment has.
  const cli = join(root, "dist", "kernel", "cli.js");
  execFileSync(process.execPath, [cli, "kernel", "install", "--prefix", home], { stdio: "ignore" });
  const token = "test";
  const options = [
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port=0",
    `--IdentityProvider.token=${token}`,
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
  ];
  const child = spawn(python, ["-m", "jupyterlab", `--ServerApp.root_dir=${folder}`, ...options], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      JUPYTER_PATH: join(home, "share", "jupyter"),
      JUPYTER_RUNTIME_DIR: runtime,
      JUPYTER_CONFIG_DIR: place("config"),
      JUPYTER_DATA_DIR: place("data"),
      JUPYTERLAB_SETTINGS_DIR: join(home, "settings"),
      JUPYTERLAB_WORKSPACES_DIR: place("workspaces"),
    },
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk) => {
      log += chunk;
    });
  }
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const stop = async () => {
    child.kill("SIGTERM");
    const killed = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(killed);
    rmSync(home, { recursive: true, force: true });
  };

  // The server writes down its address once it listens.
  for (let waited = 0; waited < 90_000; waited += 100) {
    const record = readdirSync(runtime).find((name) => /^jpserver-\d+\.json$/.test(name));
    const text = record ? readFileSync(join(runtime, record), "utf8") : "";
    // It may be seen before it is whole.
    if (text.trimEnd().endsWith("}")) {
      const { url } = JSON.parse(text);
      return {
        folder,
        address: (file) => `${url}lab/tree/${file}?reset&token=${token}`,
        log: () => log,
        stop,
      };
    }
    if (child.exitCode !== null) break;
    await sleep(100);
  }
  await stop();
  throw new Error(`JupyterLab did not start:\n${log}`);
}
