/** Text in a colour that every Jupyter client and terminal knows; readable, too, where colours are taken away. */
const colour = (code: number) => (text: string) =>
  text
    .split("\n")
    .map((line) => (line === "" ? "" : `\u001b[${code}m${line}\u001b[39m`))
    .join("\n");

export const red = colour(31);
export const cyan = colour(36);
export const grey = colour(90);
