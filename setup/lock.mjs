// One set-up at a time in a project. The lock names its owner, so that a killed set-up blocks nobody.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SetupError } from "./error.mjs";
import { state } from "./places.mjs";
import { say } from "./progress.mjs";

const path = join(state, "setup.lock");
/** Longer than any download and compilation of one set-up. */
const patience = Number(process.env.MOELAB_SETUP_WAIT_S ?? 3600) * 1000;

/** When a process started, so that a reused process id is not taken for the owner; empty outside Linux. */
function startOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ")[19];
  } catch {
    return "";
  }
}

function alive(owner) {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (error.code === "ESRCH") return false;
  }
  return startOf(owner.pid) === owner.start;
}

function owner() {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** Waits for a set-up that is under way, then holds the lock until the returned function is called. */
export async function lock() {
  mkdirSync(state, { recursive: true });
  const mine = JSON.stringify({ pid: process.pid, start: startOf(process.pid) });
  const give = () => rmSync(path, { force: true });
  for (let waited = 0, told = false; ; waited += 250) {
    try {
      writeFileSync(path, mine, { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") {
        throw new SetupError(`cannot write ${path}: ${error.message}`, "make the project folder writable");
      }
    }
    const other = owner();
    // An unreadable lock is being written just now, or was left by a crash: give it a moment.
    if (other ? !alive(other) : waited > 2000) {
      give();
      continue;
    }
    if (waited >= patience) {
      throw new SetupError(
        `another set-up (process ${other?.pid}) has held this project for ${patience / 1000} s`,
        `wait for it, or end process ${other?.pid} and run the same command again`,
      );
    }
    if (!told && other) {
      say(`another set-up of this project is under way (process ${other.pid}); waiting for it`);
      told = true;
    }
    await sleep(250);
  }
  process.once("exit", give);
  return () => {
    process.off("exit", give);
    give();
  };
}
