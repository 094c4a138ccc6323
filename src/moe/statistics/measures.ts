import { noGrad } from "../../torch/autograd.js";
import { full } from "../../torch/creation.js";
import { tidy } from "../../torch/lifetime.js";
import { cat, stack, zeros } from "../../torch/operators.generated.js";
import type { Tensor } from "../../torch/tensor.js";
import type { LayerRouting } from "../routing.js";

/** What is counted of each expert, E numbers each. */
export const expertMeasures = ["load", "taken", "gateMass", "probability"] as const;
/** What is counted of a layer, one number each. */
export const layerMeasures = ["tokens", "servedTokens", "topWeight", "entropy", "confidence"] as const;
/** All but co-activation. */
export const ownMeasures = [...expertMeasures, ...layerMeasures] as const;

/**
 * Routing of one layer in sums over the tokens of one or several passes, so that those of two passes add up. Those made
 * from probabilities are NaN for a gate that gives none.
 */
export type LayerMeasures = { layer: string; experts: number } & Record<
  | (typeof expertMeasures)[number]
  | (typeof layerMeasures)[number]
  /**
   * E × E: tokens that expert i and expert j took both; on the diagonal those that i took. A choice of weight 0 counts as
   * not taken.
   */
  | "coactivation",
  Float64Array
>;

/**
 * About twenty operators for layers of one shape together, one transfer from the device for all.
 *
 * Per expert: `load` and `taken` as in {@link LayerRouting}, `gateMass` Σ of its weights, `probability` Σ of its shares. Per
 * layer: `tokens`; `servedTokens`, those that some expert took; `topWeight` Σ of their largest weights; `entropy`
 * Σ −Σ_e p ln p / ln E, 1 for a token that is undecided and 0 for one that is certain; `confidence` Σ max_e p.
 */
export function measureRouting(layers: readonly LayerRouting[]): LayerMeasures[] {
  if (layers.length === 0) return [];
  const groups = sameShapes(layers);
  const numbers = tidy(() =>
    noGrad(() => {
      const { device } = layers[0].load;
      const all = cat(groups.map((group) => sums(group).to({ device }).reshape([-1])));
      return all.cpu().asTypedArray({ copy: true }) as Float64Array;
    }),
  );
  let at = 0;
  const next = (length: number) => {
    at += length;
    return numbers.subarray(at - length, at);
  };
  const measured = new Map<LayerRouting, LayerMeasures>();
  for (const routing of groups.flat()) {
    const { layer, load } = routing;
    const experts = load.numel;
    const perExpert = expertMeasures.map((name) => [name, next(experts)]);
    const coactivation = next(experts * experts);
    const perLayer = layerMeasures.map((name) => [name, next(1)]);
    const all = Object.fromEntries([...perExpert, ...perLayer]);
    measured.set(routing, { layer, experts, coactivation, ...all });
  }
  return layers.map((routing) => measured.get(routing)!);
}

/** Tokens × experts of layers that are measured together: small ones cost calls, large ones memory. */
const mostTogether = 2 ** 20;

/** Layers of one shape, in lists that are measured together. */
function sameShapes(layers: readonly LayerRouting[]): LayerRouting[][] {
  const open = new Map<string, LayerRouting[]>();
  const groups: LayerRouting[][] = [];
  for (const routing of layers) {
    const { experts, load, probabilities } = routing;
    const [tokens, k] = experts.shape;
    const shape = [tokens, k, load.numel, probabilities?.dtype, load.device].join();
    const group = open.get(shape);
    if (group && (group.length + 1) * tokens * load.numel <= mostTogether) {
      group.push(routing);
    } else {
      const begun = [routing];
      open.set(shape, begun);
      groups.push(begun);
    }
  }
  return groups;
}

/** The measures of layers of one shape one after another, float64 [L, 4·E + E² + 5]. */
function sums(layers: readonly LayerRouting[]): Tensor {
  const [{ experts, load, probabilities }] = layers;
  const [tokens] = experts.shape;
  const [many, count] = [layers.length, load.numel];
  const own = { device: load.device, dtype: "float64" } as const;
  if (tokens === 0) return zeros([many, 4 * count + count * count + layerMeasures.length], own);
  const all = (part: (routing: LayerRouting) => Tensor) => stack(layers.map(part));
  // Added, since places of a token that are not used may all name the same expert, with weight 0.
  const sent_LTE = zeros([many, tokens, count], { device: load.device }).scatterAdd(
    2,
    all((routing) => routing.experts),
    all((routing) => routing.weights),
  );
  const took_LTE = sent_LTE.ne(0).float();
  const known_LTE = probabilities && all((routing) => routing.probabilities!).float();
  const perLayer = (value: Tensor) => value.sum([1]).unsqueeze(1);
  const fixed = (width: number, value: number) => full([many, width], value, own);
  const unknown = (width: number) => fixed(width, Number.NaN);
  const top_LT = (values: Tensor) => values.amax(2);
  // Whole numbers and float32 beside a float64 part: all of it becomes float64.
  return cat(
    [
      all((routing) => routing.load),
      all((routing) => routing.taken),
      sent_LTE.sum([1]),
      known_LTE?.sum([1]) ?? unknown(count),
      took_LTE.transpose(1, 2).matmul(took_LTE).reshape([many, -1]),
      fixed(1, tokens),
      perLayer(top_LT(took_LTE)),
      perLayer(top_LT(sent_LTE)),
      known_LTE ? perLayer(entropy_LT(known_LTE)) : unknown(1),
      known_LTE ? perLayer(top_LT(known_LTE)) : unknown(1),
    ],
    1,
  );
}

/** −Σ p ln p / ln E */
function entropy_LT(shares: Tensor): Tensor {
  const nats = shares.mul(shares.clampMin(1e-30).log()).sum([2]);
  return nats.div(-Math.log(Math.max(2, shares.shape[2])));
}
