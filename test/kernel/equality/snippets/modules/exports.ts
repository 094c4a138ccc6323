export const first46 = 1;
export let second46 = first46 + 1;
export function third46() {
  return second46 + 1;
}
export class Fourth46 {
  value = third46() + 1;
}
export type Fifth46 = number;
export interface Sixth46 {
  x: Fifth46;
}
export enum Seventh46 {
  A = 7,
}
export { first46 as renamed46 };
export { half as default } from "./parts/arithmetic.js";
export * from "./parts/arithmetic.js";
second46 = 10;
console.log(first46, second46, third46(), new Fourth46().value, Seventh46.A);
