/** What the executor puts on `globalThis` for cells. The checker reads this file's declarations when cells use it. */
export interface CellGlobals {
  display: CellDisplay;
  clearOutput(wait?: boolean): void;
  prompt(message?: string, options?: { password?: boolean }): string | null;
  confirm(message?: string): boolean;
  alert(message?: string): void;
}

export interface CellDisplayOptions {
  /** The value is a mime bundle already. Default false. */
  raw?: boolean;
  /** Names the output, so that a later call with `update: true` replaces it. */
  displayId?: string;
  /** Replaces the outputs named `displayId`. Default false. */
  update?: boolean;
  /** Mime type → metadata. */
  metadata?: Record<string, unknown>;
}

export interface CellDisplay {
  /**
   * Shows a value: its own rich form when it has one (`[Symbol.for("Jupyter.display")]()`), else the usual one of its
   * kind, such as a table for Arrow data, else text.
   */
  (value: unknown, options?: CellDisplayOptions): Promise<void>;
  /** Shows HTML. Scripts in it run in trusted notebooks only. */
  html(text: string, options?: CellDisplayOptions): void;
  /** Shows Markdown, with mathematics between dollar signs. */
  markdown(text: string, options?: CellDisplayOptions): void;
  /** Shows LaTeX: mathematics between dollar signs. */
  latex(text: string, options?: CellDisplayOptions): void;
  /** Shows the text of an SVG file, with a PNG for front ends that do not trust it. */
  svg(text: string, options?: CellDisplayOptions): void;
  /** Runs JavaScript in the front end, in trusted notebooks only. */
  javascript(text: string, options?: CellDisplayOptions): void;
  /** Shows text as it is; ANSI escape sequences give colours. */
  text(text: string, options?: CellDisplayOptions): void;
  /** Shows JSON as a tree that can be folded. */
  json(
    value: unknown,
    options?: CellDisplayOptions & {
      /** Unfolded at first. Default false. */
      expanded?: boolean;
    },
  ): void;
  /** Shows a PNG, JPEG, GIF or WebP image from its bytes, or from a file, which may be SVG, too. */
  image(
    source: Uint8Array | string | URL,
    options?: CellDisplayOptions & {
      /** In pixels; with one of width and height the proportions are kept. Default: the image's own. */
      width?: number;
      height?: number;
    },
  ): void;
  /** Shows rows (objects, arrays or maps), an object of columns, or an Arrow table. */
  table(
    rows: unknown,
    options?: CellDisplayOptions & {
      /** Names of the columns to show, in order. Default: all. */
      columns?: string[];
      /** The most rows shown, half of them from the end. Default 20. */
      rows?: number;
    },
  ): void;
}
