import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../src/engine/addon.js";

/**
 * Runs Python code beside the same libtorch and gives back what it leaves in `result`, through JSON (NaN and Infinity
 * as strings).
 */
export function python<T>(code: string, input: unknown = null): T {
  const program = `
import json, sys, torch
given = json.loads(sys.stdin.read())
def plain(value):
    if isinstance(value, torch.Tensor):
        value = value.detach().to(torch.float64 if value.is_floating_point() else value.dtype).tolist()
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    return value
${code}
print(json.dumps(plain(result)))
`;
  const output = execFileSync(join(packageRoot(), ".moelab/python/bin/python"), ["-c", program], {
    input: JSON.stringify(input),
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(output) as T;
}
