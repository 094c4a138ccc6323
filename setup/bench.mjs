// `npm run bench NAME`: one benchmark. Its JSON object is all that goes to stdout; the set-up speaks on stderr.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { main } from "./error.mjs";
import { root } from "./places.mjs";
import { setUp } from "./setup.mjs";

await main(async () => {
  await setUp({ for: "bench" });
  const args = [join(root, "dist", "bench", "cli.js"), ...process.argv.slice(2)];
  const { status, signal } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  return signal ? 1 : status;
});
