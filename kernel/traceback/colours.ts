/** Text in a style that every Jupyter client and terminal knows; readable, too, where styles are taken away. */
const style = (code: number, reset: number) => (text: string) =>
  text
    .split("\n")
    .map((line) => (line === "" ? "" : `\u001b[${code}m${line}\u001b[${reset}m`))
    .join("\n");

export const red = style(31, 39);
export const grey = style(90, 39);
export const bold = style(1, 22);
