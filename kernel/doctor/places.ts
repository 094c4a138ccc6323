import { join } from "node:path";
import { installationFolder } from "../installation.js";

/** The private Python environment that the set-up makes. */
export const environment = () => join(installationFolder, ".moelab", "python");
