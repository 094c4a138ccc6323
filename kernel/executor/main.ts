import { loadProgram } from "../bundle/loadProgram.js";
import * as nodeImport from "./nodeImport.js";

await loadProgram("executor", { "executor/nodeImport.js": nodeImport });
