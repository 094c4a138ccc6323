/** Global under which the executor installs `import`, `meta` and `hold` for compiled cells. */
export const cellGlobal = "moelab$cell";
