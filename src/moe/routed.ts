import type { Module } from "../nn/module.js";
import { type AuxLossNormalisation, pooledLoadBalancingLoss } from "./auxLoss.js";
import type { RoutingLoss } from "./gate.js";
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

/**
 * All losses of the last forward pass of a model that come from its routing: those of each layer, then those that its
 * layers have together. What is minimised is the task's loss plus the sum of coefficient · value.
 *
 * @example
 * for (const { value, coefficient } of moe.routingLosses(model)) loss = loss.add(value.mul(coefficient));
 */
export function routingLosses(model: Module): RoutingLoss[] {
  const layers = moeLayers(model).map(([, layer]) => layer);
  const pools = new Map<string, MoELayer[]>();
  for (const layer of layers.filter(({ balanceTerms }) => balanceTerms)) {
    const pool = `${layer.auxLossNormalisation} ${layer.auxLossCoefficient}`;
    pools.set(pool, [...(pools.get(pool) ?? []), layer]);
  }
  const pooled = [...pools.values()].map((pool) => {
    const normalisation = pool[0].auxLossNormalisation as Exclude<AuxLossNormalisation, "deepSeekSequence">;
    const terms = pool.flatMap(({ balanceTerms }) => balanceTerms ?? []);
    const value = pooledLoadBalancingLoss(terms, normalisation, pool[0].ranks);
    return { name: "auxLoss", value, coefficient: pool[0].auxLossCoefficient };
  });
  return [...layers.flatMap(({ losses }) => losses), ...pooled];
}
