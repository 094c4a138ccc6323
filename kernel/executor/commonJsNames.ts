/** What CommonJS modules have instead, by the names that they know. */
const inModules: Record<string, string> = {
  __dirname: "import.meta.dirname",
  __filename: "import.meta.filename",
  module: "export",
  exports: "export",
};

/** Tells whoever used a variable of CommonJS what cells, like all modules, have in its place. */
export function explainCommonJsName(thrown: unknown): void {
  if (!(thrown instanceof ReferenceError)) return;
  const name = /^(\w+) is not defined$/.exec(thrown.message)?.[1] ?? "";
  if (!Object.hasOwn(inModules, name)) return;
  const head = String(thrown.message);
  const message = `${head} in ES module scope. Use ${inModules[name]}.`;
  const { stack } = thrown;
  thrown.message = message;
  thrown.stack = stack?.replace(head, message);
}
