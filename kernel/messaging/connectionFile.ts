import { readFile } from "node:fs/promises";

/** The connection file that a Jupyter client writes for a kernel to bind its sockets by. */
export interface ConnectionInfo {
  transport: "tcp" | "ipc";
  ip: string;
  shell_port: number;
  control_port: number;
  iopub_port: number;
  stdin_port: number;
  hb_port: number;
  /** Key of the messages' signatures; empty when they are not signed. */
  key: string;
  signature_scheme: string;
  /** CURVE keys (Z85) when the transport is to be encrypted. */
  curve_publickey?: string;
  curve_secretkey?: string;
}

export type Channel = "shell" | "control" | "iopub" | "stdin" | "hb";

/** @throws Error when the file lacks a port or asks for a signature that is not known */
export async function readConnectionFile(path: string): Promise<ConnectionInfo> {
  const info: ConnectionInfo = JSON.parse(await readFile(path, "utf8"));
  for (const channel of ["shell", "control", "iopub", "stdin", "hb"] as const) {
    if (typeof info[`${channel}_port`] !== "number") {
      throw new Error(`${path}: expected a number under "${channel}_port", got ${info[`${channel}_port`]}.`);
    }
  }
  if (info.key && (info.signature_scheme ?? "hmac-sha256") !== "hmac-sha256") {
    throw new Error(`${path}: expected the signature scheme hmac-sha256, got ${info.signature_scheme}.`);
  }
  return info;
}

export function channelAddress(info: ConnectionInfo, channel: Channel): string {
  const separator = info.transport === "ipc" ? "-" : ":";
  return `${info.transport}://${info.ip}${separator}${info[`${channel}_port`]}`;
}
