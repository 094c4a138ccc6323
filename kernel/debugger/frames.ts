import { writtenName } from "../cells/keptName.js";
import type { Child } from "./childLists.js";
import type { DapVariable } from "./dap.js";
import type { InspectorLink } from "./inspectorLink.js";
import type { RemoteObject } from "./remoteObject.js";
import type { Script, Scripts } from "./scripts.js";
import type { Place } from "./sourceLines.js";
import { variableNames } from "./variableListing.js";
import { asArgument, type VariableTree } from "./variableTree.js";

interface Scope {
  type: string;
  name?: string;
  object: RemoteObject;
}

/** A frame of V8's call stack; only what is read here. */
export interface CallFrame {
  callFrameId: string;
  functionName: string;
  location: { scriptId: string; lineNumber: number; columnNumber?: number };
  scopeChain: Scope[];
  this: RemoteObject;
  returnValue?: RemoteObject;
}

/** A frame of the user's code. */
export interface Frame {
  call: CallFrame;
  script: Script;
  /** In the source; zero-based. */
  place: Place;
}

/** Undefined for a frame of Node's, of moelab's or of a package's, or of JavaScript that no TypeScript stands for. */
export function frameOf(call: CallFrame, scripts: Scripts): Frame | undefined {
  const { scriptId, lineNumber: line, columnNumber: column = 0 } = call.location;
  const script = scripts.find(scriptId);
  const place = script?.lines ? script.lines.toSource({ line, column }) : { line, column };
  return script && place ? { call, script, place } : undefined;
}

/** "route", or the name of the cell for what stands outside of all functions. */
export function frameName({ call, script }: Frame): string {
  if (call.functionName !== "") return call.functionName;
  return isOutermost(call) ? script.name : "(anonymous)";
}

/** Whether it stands outside of all functions of a cell. */
export function isOutermost(call: CallFrame): boolean {
  return call.functionName === "" && !call.scopeChain.some(({ type }) => type === "local");
}

/** The kinds of scope between a frame's own place and the function that it belongs to, that function's own included. */
const own = new Set(["block", "catch", "with", "eval", "local"]);

interface Variable extends Child {
  /** As the JavaScript has it. */
  binding: string;
  /** A cell's, which may be hidden by another of its name where the frame stands. */
  ofCells: boolean;
}

/** What clients list as the scopes of a frame: its own variables, those of the functions around it, those of cells. */
export class FrameScopes {
  readonly #inspector: InspectorLink;
  readonly #tree: VariableTree;
  readonly #objectGroup: string;

  /** @param objectGroup under which V8 keeps what was looked at */
  constructor(inspector: InspectorLink, tree: VariableTree, objectGroup: string) {
    this.#inspector = inspector;
    this.#tree = tree;
    this.#objectGroup = objectGroup;
  }

  list({ call }: Frame): object[] {
    const numbered = call.scopeChain.map((scope, scopeNumber) => ({ ...scope, scopeNumber }));
    const end = numbered.findIndex(({ type }) => !own.has(type));
    const innermost = numbered.slice(0, end < 0 ? undefined : end);
    const outer = numbered.slice(innermost.length);
    const closures = outer.filter(({ type }) => type === "closure" || own.has(type));
    const globals = outer.filter(({ type }) => type === "script" || type === "module");
    const scopes = [
      ["Locals", innermost, "locals"],
      ["Closure", closures, undefined],
      ["Globals", globals, "globals"],
    ] as const;
    return scopes
      .filter(([name, parts]) => parts.length > 0 || (name === "Locals" && call.returnValue))
      .map(([name, parts, presentationHint]) => ({
        name,
        presentationHint,
        variablesReference: this.#tree.add({
          expression: "",
          children: () => this.#variables(call, parts, name === "Locals"),
          assign: (variable, value) => this.#assign(call, parts, variable, value),
        }),
        expensive: false,
      }));
  }

  async #variables(call: CallFrame, parts: readonly Scope[], locals: boolean): Promise<DapVariable[]> {
    const found = new Map<string, Variable>();
    for (const children of await Promise.all(parts.map((scope) => this.#own(scope)))) {
      // An inner variable hides an outer one of its name.
      for (const child of children) if (!found.has(child.name)) found.set(child.name, child);
    }
    const extra: Child[] = [];
    if (locals && call.returnValue && call.returnValue.type !== "undefined") {
      extra.push({ name: "(returns)", value: call.returnValue, access: "none" });
    }
    if (
      locals &&
      call.this.type === "object" &&
      call.this.className !== "global" &&
      call.this.subtype !== "null"
    ) {
      extra.push({ name: "this", value: call.this, access: "property" });
    }
    return this.#tree.show([...extra, ...(await this.#current(call, [...found.values()]))]);
  }

  /** V8 describes scopes as they were when it paused; expressions may have changed variables since. */
  async #current(call: CallFrame, variables: Variable[]): Promise<Child[]> {
    const answers = await this.#inspector.askAll(
      variables.map(({ binding, ofCells }) => ({
        method: ofCells ? "Runtime.evaluate" : "Debugger.evaluateOnCallFrame",
        params: {
          callFrameId: ofCells ? undefined : call.callFrameId,
          expression: binding,
          silent: true,
          generatePreview: true,
          throwOnSideEffect: true,
          objectGroup: this.#objectGroup,
        },
      })),
    );
    return variables.flatMap((variable, at) => {
      const answer = answers[at];
      const known = "result" in answer && !answer.result.exceptionDetails;
      // A variable of cells that is not initialised yet has no value.
      return known ? [{ ...variable, value: answer.result.result }] : variable.value ? [variable] : [];
    });
  }

  async #own({ type, object }: Scope): Promise<Variable[]> {
    if (type === "script") {
      const names = await variableNames(this.#inspector);
      return names.map((binding) => ({
        name: writtenName(binding),
        binding,
        ofCells: true,
        access: "property",
      }));
    }
    const { result } = await this.#inspector.ask("Runtime.getProperties", {
      objectId: object.objectId,
      ownProperties: true,
      generatePreview: true,
    });
    return result
      .filter(({ name, value }: Child) => value && !/^__|^\.|^this$|^new\.target$|^moelab\$/.test(name))
      .map(({ name, value }: Child) => ({
        name: writtenName(name),
        binding: name,
        ofCells: false,
        value,
        access: "property",
      }));
  }

  async #assign(call: CallFrame, parts: readonly Scope[], name: string, value: RemoteObject): Promise<void> {
    for (const scope of parts) {
      const variable = (await this.#own(scope)).find((each) => each.name === name);
      if (!variable) continue;
      await this.#inspector.ask("Debugger.setVariableValue", {
        scopeNumber: call.scopeChain.findIndex(({ object }) => object === scope.object),
        variableName: variable.binding,
        newValue: asArgument(value),
        callFrameId: call.callFrameId,
      });
      return;
    }
    throw new Error(`There is no variable "${name}" in this scope.`);
  }
}
