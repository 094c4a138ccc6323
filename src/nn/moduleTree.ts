import type { Module } from "./module.js";

/** A module and what is in it as indented lines; neighbours that look the same are drawn once, with their number. */
export function moduleTree(root: Module): string {
  const count = root.parameterCount().toLocaleString("en-US");
  return `${draw("", root, "")}\n${count} parameters`;
}

function draw(name: string, module: Module, indent: string): string {
  const head = `${indent}${name && `${name}: `}${module.constructor.name}(${module.extraRepr()})`;
  const children = module.children().map(([childName, child]) => ({
    name: childName,
    text: draw("", child, `${indent}  `),
  }));
  const lines: string[] = [];
  for (let at = 0; at < children.length; ) {
    let end = at + 1;
    while (end < children.length && children[end].text === children[at].text && sameList(children, at, end))
      end++;
    const label = end - at > 1 ? `${children[at].name} … ${children[end - 1].name}` : children[at].name;
    lines.push(`${indent}  ${label}: ${children[at].text.trimStart()}`);
    at = end;
  }
  return [head, ...lines].join("\n");
}

/** Only elements of one array are drawn together: "layers.0 … layers.3". */
function sameList(children: { name: string }[], a: number, b: number): boolean {
  const list = (name: string) => name.replace(/\d+$/, "");
  return /\.\d+$/.test(children[a].name) && list(children[a].name) === list(children[b].name);
}
