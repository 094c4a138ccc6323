// `npm run lab [file or JupyterLab options]`: JupyterLab from the private environment, with the kernel in it.
import { spawn } from "node:child_process";
import { main } from "./error.mjs";
import { environment, python, root } from "./places.mjs";
import { setUp } from "./setup.mjs";

await main(async () => {
  await setUp({ for: "lab" });
  const given = process.argv.slice(2);
  const opened = given.some((arg) => !arg.startsWith("-")) ? given : ["notebooks/quickstart.ipynb", ...given];
  // JupyterLab refuses to run as root unless told; in a container that is who the user is.
  const asRoot = process.getuid?.() === 0 ? ["--allow-root"] : [];
  const lab = spawn(python, ["-m", "jupyterlab", `--ServerApp.root_dir=${root}`, ...asRoot, ...opened], {
    cwd: root,
    stdio: "inherit",
    // The kernel is installed here; a JUPYTER_PATH of the user's own stays in force behind it.
    env: { ...process.env, JUPYTER_PREFER_ENV_PATH: "1", VIRTUAL_ENV: environment },
  });
  // The terminal sends ctrl-C to both; JupyterLab asks, saves and ends, and this program waits for it.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => lab.kill(signal));
  return new Promise((resolve) => lab.on("close", (code, signal) => resolve(signal ? 1 : code)));
});
