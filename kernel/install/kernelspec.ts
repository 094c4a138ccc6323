export const kernelName = "moelab";

/**
 * What Jupyter needs to know to start the kernel. Without `kernel_protocol_version`: 5.5 there would promise the start
 * handshake of JEP 66.
 */
export function kernelspec(node: string, cli: string) {
  return {
    argv: [node, cli, "kernel", "run", "{connection_file}"],
    display_name: "TypeScript (moelab)",
    language: "typescript",
    interrupt_mode: "message",
    metadata: { debugger: true, supported_encryption: ["curve"] },
  };
}
