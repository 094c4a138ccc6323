/** Global under which the executor installs `import`, `meta` and `hold` for compiled cells, and `text`, which `peek` asks. */
export const cellGlobal = "moelab$cell";
