/** How often it is looked whether the parent is still there, in milliseconds. */
const interval = 1000;

/**
 * Calls `gone` when the process that started the kernel has ended. Jupyter's launcher names it in `JPY_PARENT_PID`;
 * a kernel whose client crashed would otherwise hold its memory and its GPU for ever.
 */
export function watchParent(gone: () => void): void {
  const parent = Number(process.env.JPY_PARENT_PID);
  if (!Number.isInteger(parent) || parent <= 1) return;
  const direct = process.ppid === parent;
  const timer = setInterval(() => {
    if (isAlive(parent) && (!direct || process.ppid === parent)) return;
    clearInterval(timer);
    gone();
  }, interval);
  timer.unref();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code === "EPERM";
  }
}
