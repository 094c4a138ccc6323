/** Whether code begins with TypeScript's own comment for files that are not to be checked. */
export function saysNoCheck(code: string): boolean {
  const head = /^(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/.exec(code)![0];
  return /^\s*\/\/\/?\s*@ts-nocheck\b/m.test(head);
}
