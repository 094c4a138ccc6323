import { serve } from "./compilerService.js";
import { TslabCompiler } from "./tslabCompiler.js";

/** The program of a compiler process that starts without an image: `compilerProgram.js <documentation>`. */
const compiler = new TslabCompiler(process.cwd(), { documentation: process.argv[2] === "true" });
compiler.warmUp();
serve(compiler, false);
