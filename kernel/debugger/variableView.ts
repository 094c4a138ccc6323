import type { InspectorLink } from "./inspectorLink.js";
import { listVariables, type VariableReport } from "./variableListing.js";

export interface VariableList {
  variables: VariableReport[];
  /** False when V8 did not answer in time, because native code computes: then it is the list that was asked last. */
  current: boolean;
}

/** Time for V8 to answer, in milliseconds. It does within a few, unless one native operator takes longer. */
const answerTime = 120;

/** The variables of cells for whoever asks, never later than {@link answerTime}. */
export class VariableView {
  readonly #inspector: InspectorLink;
  #latest: VariableReport[] = [];
  #asked: Promise<void> | null = null;

  constructor(inspector: InspectorLink) {
    this.#inspector = inspector;
  }

  async list(): Promise<VariableList> {
    // One question at a time: further ones would only queue up behind the same operator.
    this.#asked ??= this.#ask();
    const asked = this.#asked;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, answerTime, false);
    });
    const current = await Promise.race([asked.then(() => true), late]);
    clearTimeout(timer);
    return { variables: this.#latest, current };
  }

  async #ask(): Promise<void> {
    try {
      this.#latest = await listVariables(this.#inspector);
    } catch {
      // The executor ended, and its variables with it.
      this.#latest = [];
    } finally {
      this.#asked = null;
    }
  }
}
