import type { ValueSummary } from "../../src/host.js";
import type { InspectorLink } from "./inspectorLink.js";
import type { RemoteObject } from "./remoteObject.js";

/** Runs in the executor, so it stands on nothing but JavaScript. */
const ask = `function (...values) {
  const key = Symbol.for("moelab.summary");
  return values.map((value) => {
    try {
      for (let holder = value; holder; holder = Object.getPrototypeOf(holder)) {
        const property = Object.getOwnPropertyDescriptor(holder, key);
        if (property) return typeof property.value === "function" ? property.value.call(value) : null;
      }
    } catch {}
    return null;
  });
}`;

export type Summaries = Map<RemoteObject | null | undefined, ValueSummary | null>;

/** Asks those among the values that can say themselves what they are, such as tensors. */
export async function summariesOf(
  inspector: InspectorLink,
  values: (RemoteObject | null | undefined)[],
): Promise<Summaries> {
  const summaries: Summaries = new Map();
  // V8's own kinds have nothing to say; a proxy's traps are not to run.
  const asked = values.filter((value) => value?.objectId && value.type === "object" && !value.subtype);
  if (asked.length === 0) return summaries;
  const [answer] = await inspector.askAll([
    {
      method: "Runtime.callFunctionOn",
      params: {
        functionDeclaration: ask,
        objectId: asked[0]!.objectId,
        arguments: asked.map((value) => ({ objectId: value!.objectId })),
        returnByValue: true,
        silent: true,
      },
    },
  ]);
  const found = "result" in answer ? answer.result.result.value : undefined;
  if (Array.isArray(found)) for (const [at, value] of asked.entries()) summaries.set(value, found[at]);
  return summaries;
}
