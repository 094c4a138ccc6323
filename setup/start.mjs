// `npm start`: from a fresh checkout to an executed notebook.
import { spawnSync } from "node:child_process";
import { main } from "./error.mjs";
import { cli, root } from "./places.mjs";
import { say } from "./progress.mjs";
import { setUp } from "./setup.mjs";

const notebook = "notebooks/quickstart.ipynb";
const executed = "out/quickstart.ipynb";

await main(async () => {
  await setUp({ for: "run" });
  say(`running ${notebook}\n`);
  const args = [cli, "run", notebook, "-o", executed, ...process.argv.slice(2)];
  const { status, signal } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  say(
    `\n${status === 0 ? "The executed notebook" : "The notebook did not run to its end; what it produced"} is ${executed}.` +
      `\nTo open it in JupyterLab: npm run lab -- ${executed}`,
  );
  return signal ? 1 : status;
});
