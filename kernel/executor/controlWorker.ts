import { loadProgram } from "../bundle/loadProgram.js";

await loadProgram("control");
