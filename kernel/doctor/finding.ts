/**
 * `ok` works; `off` does not, and moelab runs without it; `problem` prevents running.
 */
export type Status = "ok" | "off" | "problem";

/** One thing the doctor looked at. What is not `ok` says why, and where something can be done, what. */
export interface Finding {
  name: string;
  status: Status;
  value: string;
  reason?: string;
  fix?: string;
}

export function ok(name: string, value: string): Finding {
  return { name, status: "ok", value };
}

export function off(name: string, reason: string, fix?: string, value = ""): Finding {
  return { name, status: "off", value, reason, ...(fix ? { fix } : {}) };
}

export function problem(name: string, reason: string, fix: string, value = ""): Finding {
  return { name, status: "problem", value, reason, fix };
}
