import { createRequire } from "node:module";

/** apache-arrow, and the parts of it that write the metadata of files. */
export interface ArrowLibrary {
  arrow: typeof import("apache-arrow");
  messages: typeof import("apache-arrow/ipc/metadata/message");
  footers: typeof import("apache-arrow/ipc/metadata/file");
}

let loaded: ArrowLibrary | undefined;

/**
 * apache-arrow, loaded at the first use: it costs about 0.1 s and 20 MB.
 *
 * The package comes in two builds with classes of their own, and a table of one build silently reads as nulls in the
 * other. Callers `import` it, so the build for `import` is taken, which `require` gives since Node 20.19; before that
 * objects made here go with `require("apache-arrow")` only.
 */
export function arrowLibrary(): ArrowLibrary {
  if (loaded) return loaded;
  const require = createRequire(import.meta.url);
  const takesModules = (process.features as { require_module?: boolean }).require_module === true;
  const load = (path: string) => {
    const file = require.resolve(path);
    return require(takesModules ? file.replace(/\.js$/, ".mjs") : file);
  };
  loaded = {
    arrow: load("apache-arrow"),
    messages: load("apache-arrow/ipc/metadata/message"),
    footers: load("apache-arrow/ipc/metadata/file"),
  };
  return loaded;
}
