import type { Notebook } from "../notebook/format.js";
import { UsageError } from "../usage.js";

const kernelspec = { name: "moelab", display_name: "TypeScript (moelab)", language: "typescript" };
const languageInfo = { name: "typescript", file_extension: ".ts", mimetype: "text/typescript" };

/**
 * The notebook with its kernel and language filled in where they are missing, so that Jupyter opens it with moelab.
 *
 * @throws UsageError when it is written in another language
 */
export function withLanguage(notebook: Notebook): Notebook {
  const { kernelspec: spec, language_info: info } = notebook.metadata as {
    kernelspec?: { language?: string };
    language_info?: { name?: string };
  };
  const language = spec?.language ?? info?.name ?? "typescript";
  if (!/^(typescript|javascript)$/i.test(language)) {
    throw new UsageError(`moelab run: expected a TypeScript notebook, got one in ${language}.`);
  }
  return {
    ...notebook,
    metadata: { ...notebook.metadata, kernelspec: spec ?? kernelspec, language_info: info ?? languageInfo },
  };
}
