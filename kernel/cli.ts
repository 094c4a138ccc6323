#!/usr/bin/env node
import { loadProgram } from "./bundle/loadProgram.js";

const { main } = await loadProgram<typeof import("./commands.js")>("commands");
process.exitCode = await main(process.argv.slice(2));
