import { kernelName, kernelspec } from "../install/kernelspec.js";
import { kernelInfo } from "../messaging/kernelInfo.js";
import type { Notebook } from "../notebook/format.js";
import { UsageError } from "../usage.js";

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
  const { display_name, language: ownLanguage } = kernelspec(process.execPath, "");
  return {
    ...notebook,
    metadata: {
      ...notebook.metadata,
      kernelspec: spec ?? { name: kernelName, display_name, language: ownLanguage },
      language_info: info ?? kernelInfo.language_info,
    },
  };
}
