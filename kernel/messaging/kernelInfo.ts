import { createRequire } from "node:module";
import { moelabVersion } from "../installation.js";
import { protocolVersion } from "./wire.js";

const version = moelabVersion();
const { version: languageVersion }: { version: string } = createRequire(import.meta.url)(
  "typescript/package.json",
);

export const kernelInfo = {
  status: "ok",
  protocol_version: protocolVersion,
  implementation: "moelab",
  implementation_version: version,
  language_info: {
    name: "typescript",
    version: languageVersion,
    mimetype: "text/typescript",
    file_extension: ".ts",
    pygments_lexer: "typescript",
    codemirror_mode: { name: "javascript", typescript: true },
    nbconvert_exporter: "script",
  },
  banner: `moelab ${version}: TypeScript ${languageVersion} on Node ${process.version}`,
  help_links: [],
  debugger: true,
  supported_features: ["debugger", "kernel subshells"],
};
