import { noGrad } from "../../torch/autograd.js";
import { tidy } from "../../torch/lifetime.js";
import { cat, zeros } from "../../torch/operators.generated.js";
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
  /** E × E: tokens that expert i and expert j took both; on the diagonal those that i took. */
  | "coactivation",
  Float64Array
>;

/**
 * A dozen operators a layer, one transfer from the device for all of them.
 *
 * Per expert: `load` and `taken` as in {@link LayerRouting}, `gateMass` Σ of its weights, `probability` Σ of its shares. Per
 * layer: `tokens`; `servedTokens`, those that some expert took; `topWeight` Σ of their largest weights; `entropy`
 * Σ −Σ_e p ln p / ln E, 1 for a token that is undecided and 0 for one that is certain; `confidence` Σ max_e p.
 */
export function measureRouting(layers: readonly LayerRouting[]): LayerMeasures[] {
  if (layers.length === 0) return [];
  const numbers = tidy(() =>
    noGrad(() => {
      const { device } = layers[0].load;
      const all = cat(layers.map((layer) => sums(layer).to({ device })));
      return all.cpu().asTypedArray({ copy: true }) as Float64Array;
    }),
  );
  let at = 0;
  const next = (length: number) => {
    at += length;
    return numbers.subarray(at - length, at);
  };
  return layers.map(({ layer, load: { numel: experts } }) => {
    const perExpert = expertMeasures.map((name) => [name, next(experts)]);
    const coactivation = next(experts * experts);
    const perLayer = layerMeasures.map((name) => [name, next(1)]);
    return { layer, experts, coactivation, ...Object.fromEntries([...perExpert, ...perLayer]) };
  });
}

/** The measures of a layer one after another, float64 [4·E + E² + 5]. */
function sums({ experts, weights, load, taken, probabilities }: LayerRouting): Tensor {
  const [tokens] = experts.shape;
  const count = load.numel;
  const { device } = load;
  const own = { device, dtype: "float64" } as const;
  if (tokens === 0) return zeros([4 * count + count * count + layerMeasures.length], own);
  const sent_TE = zeros([tokens, count], { device }).scatter(1, experts, weights);
  const took_TE = sent_TE.ne(0).float();
  const scalar = (value: Tensor) => value.reshape([1]);
  const known = probabilities?.float();
  const unknown = (length: number) => zeros([length], own).fill_(Number.NaN);
  const entropy = known?.mul(known.clampMin(1e-30).log()).sum();
  // A float64 part makes all of it float64.
  return cat([
    load,
    taken,
    sent_TE.sum(0),
    known?.sum(0) ?? unknown(count),
    took_TE.t().matmul(took_TE).reshape([-1]),
    zeros([1], own).fill_(tokens),
    scalar(took_TE.amax(1).sum()),
    scalar(sent_TE.amax(1).sum()),
    entropy ? scalar(entropy.div(-Math.log(Math.max(2, count)))) : unknown(1),
    known ? scalar(known.amax(1).sum()) : unknown(1),
  ]);
}
