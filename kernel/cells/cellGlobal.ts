/** Global under which the executor installs `import` and `meta` for compiled cells. */
export const cellGlobal = "moelab$cell";
