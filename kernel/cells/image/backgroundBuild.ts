import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { imageEnvironment } from "./imageFile.js";

/** How long after the start of a session, in milliseconds: its first cells come first. */
const delay = 3000;

let begun = false;

/** Makes the images for later sessions, once per process; should it fail, they start as this one did. */
export function buildImagesInBackground(): void {
  if (begun) return;
  begun = true;
  setTimeout(() => {
    const program = fileURLToPath(new URL("./buildImage.js", import.meta.url));
    const maker = spawn(process.execPath, [program, "background"], {
      env: imageEnvironment(),
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    maker.on("error", () => {});
    maker.stdin.on("error", () => {});
    maker.unref();
    (maker.stdin as any).unref();
  }, delay).unref();
}
