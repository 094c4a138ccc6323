import { protocolVersion } from "../messaging/wire.js";

export const kernelName = "moelab";

/** What Jupyter needs to know to start the kernel. */
export function kernelspec(node: string, cli: string) {
  return {
    argv: [node, cli, "kernel", "run", "{connection_file}"],
    display_name: "TypeScript (moelab)",
    language: "typescript",
    interrupt_mode: "message",
    kernel_protocol_version: protocolVersion,
    metadata: { supported_encryption: ["curve"] },
  };
}
