import type { SessionEvent } from "../session/events.js";

/** Shows the outputs of one cell while it runs. */
export interface CellScreen {
  show(event: SessionEvent): void;
  /** Shows what was held back; nothing comes after it. Leaves the cursor at the start of a line. */
  end(): void;
}
