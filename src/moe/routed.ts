import type { Module } from "../nn/module.js";
import { MoELayer } from "./moeLayer.js";
import type { LayerRouting } from "./routing.js";

/** The MoE layers anywhere in a model, in order, by name. */
export function moeLayers(model: Module): [name: string, layer: MoELayer][] {
  return model.namedModules().filter((entry): entry is [string, MoELayer] => entry[1] instanceof MoELayer);
}

/**
 * How the last forward pass routed its tokens, one entry for each MoE layer that has run. The tensors live until the
 * layer's next forward pass.
 */
export function routing(model: Module): LayerRouting[] {
  return moeLayers(model).flatMap(([layer, { routing }]) => (routing ? [{ layer, ...routing }] : []));
}
