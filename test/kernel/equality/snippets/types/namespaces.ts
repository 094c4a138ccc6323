namespace Geometry37 {
  export const unit = 2;
  export function area(x: number) {
    return x * unit * scale;
  }
  const scale = 10;
  export namespace Deep {
    export const value = area(1);
    export enum Kind { A = 1 }
  }
  export interface Shape { x: number }
  export class Box { w = unit; }
}
const shape37: Geometry37.Shape = { x: 3 };
console.log(Geometry37.area(shape37.x), Geometry37.Deep.value, Geometry37.Deep.Kind.A, new Geometry37.Box());
import Deep37 = Geometry37.Deep;
console.log(Deep37.value);
console.log(Geometry37);
