import { Module } from "./module.js";

/** Modules one after the other, each taking what the one before gives. */
export class Sequential extends Module {
  readonly layers: Module[];

  constructor(...layers: Module[]) {
    super();
    for (const [at, layer] of layers.entries()) {
      if (!(layer instanceof Module)) {
        throw new TypeError(`nn.Sequential: expected modules, got ${typeof layer} as argument ${at + 1}`);
      }
    }
    this.layers = layers;
  }

  forward(x: any): any {
    return this.layers.reduce((value, layer) => layer.forward(value), x);
  }
}
