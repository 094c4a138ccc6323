import { inspect } from "node:util";
import { display, host } from "../host.js";
import { describeValue } from "../nn/options.js";
import { VBox } from "./boxes.js";
import { Output } from "./output.js";
import { Dropdown } from "./selection.js";
import { FloatSlider, IntSlider } from "./sliders.js";
import { Text } from "./texts.js";
import { Checkbox } from "./toggles.js";
import { Widget } from "./widget.js";

/** A number between bounds; whole if all that is given is whole. */
export interface Range {
  min: number;
  max: number;
  /** Default 1, or a hundredth of the way for numbers that are not whole. */
  step?: number;
  /** Where it begins. Default: the lower bound. */
  value?: number;
}

/** What a parameter is chosen with: a yes or no, a text, a range, a list of choices, or any widget with a value. */
export type Choice = boolean | string | Range | readonly unknown[] | Widget<any>;

/** The type of the value that is chosen with a `C`. */
export type Chosen<C> = C extends boolean
  ? boolean
  : C extends string
    ? string
    : C extends Widget<infer S>
      ? S extends { value: infer V }
        ? V
        : never
      : C extends readonly (infer T)[]
        ? T
        : number;

/** Controls, and below them what the function outputs for their values. */
export class Interact extends VBox {
  readonly controls: readonly Widget[];
  readonly output: Output;

  constructor(controls: readonly Widget[], output: Output) {
    super([...controls, output]);
    this.controls = controls;
    this.output = output;
  }
}

/**
 * Calls `code` with the values of controls, now and whenever one of them changes, and shows below them what it prints
 * and returns. One call at a time: when a promise it returned is settled, the values that there are then are next.
 */
export function interact<const C extends Record<string, Choice>>(
  code: (values: { [K in keyof C]: Chosen<C[K]> }) => unknown,
  choices: C,
): Interact {
  const controls = new Map(Object.entries(choices).map(([name, choice]) => [name, controlFor(name, choice)]));
  const output = new Output();
  const run = serially(async () => {
    const values = Object.fromEntries([...controls].map(([name, control]) => [name, control.get("value")]));
    output.clear(true);
    // What follows the call in its cell is not to be captured, too: a promise is waited for only if there is one.
    let shown: Promise<void> | undefined;
    const show = (value: unknown) => {
      if (value !== undefined) shown = display(value);
    };
    await output.capture(() => {
      const returned = code(values as { [K in keyof C]: Chosen<C[K]> });
      return returned instanceof Promise ? returned.then(show) : show(returned);
    });
    await shown;
  }, output);
  for (const control of controls.values()) control.on("value", run);
  void run();
  return new Interact([...controls.values()], output);
}

/** Runs `work` once at a time, and once more if it was asked for meanwhile. */
function serially(work: () => Promise<void>, output: Output): () => Promise<void> {
  let running: Promise<void> | undefined;
  let again = false;
  const turn = async (): Promise<void> => {
    do {
      again = false;
      try {
        await work();
      } catch (fault) {
        report(fault, output);
      }
    } while (again);
    running = undefined;
  };
  return () => {
    again = true;
    running ??= turn();
    return running;
  };
}

function report(fault: unknown, output: Output): void {
  if (!host().comms) throw fault;
  const { name = "Error", message = inspect(fault), stack = message } = Object(fault) as Partial<Error>;
  output.append({ output_type: "error", ename: name, evalue: message, traceback: stack.split("\n") });
}

function controlFor(name: string, choice: Choice): Widget {
  if (choice instanceof Widget) return choice;
  const description = name;
  if (typeof choice === "boolean") return new Checkbox({ value: choice, description });
  if (typeof choice === "string") return new Text({ value: choice, description });
  if (Array.isArray(choice)) return new Dropdown({ options: choice, description });
  if (typeof choice === "object" && choice !== null && "min" in choice && "max" in choice) {
    const { min, max, value = min } = choice;
    const whole = [min, max, value, choice.step ?? 1].every(Number.isInteger);
    const step = choice.step ?? (whole ? 1 : (max - min) / 100);
    return new (whole ? IntSlider : FloatSlider)({ min, max, value, step, description });
  }
  throw new TypeError(
    `widgets.interact: expected ${name} to be a boolean, a string, { min, max }, a list or a widget, ` +
      `got ${describeValue(choice)}`,
  );
}
