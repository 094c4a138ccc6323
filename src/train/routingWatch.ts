import type { LayerMeasures } from "../moe/statistics/measures.js";

/** Records that the load of a layer is averaged over, and steps before a judgement: routing has to find itself first. */
const averaged = 20;
const firstJudgement = 50;
/** Of the experts beyond the k that each token takes, the share that must be in use. */
const leastSpread = 0.15;

interface LayerWatch {
  /** Step at which each expert last took a token; of those that have not yet, the step before the first record. */
  lastTaken: number[];
  loads: Float64Array[];
  tokens: number[];
}

/** Notices experts that get no tokens any more, and layers that send nearly all tokens to few experts. */
export class RoutingWatch {
  readonly #deadAfter: number;
  readonly #layers = new Map<string, LayerWatch>();

  /** @param deadAfter steps without a token after which an expert counts as dead */
  constructor(deadAfter: number) {
    this.#deadAfter = deadAfter;
  }

  /** @returns what is wrong now, under a name for each layer and kind */
  see(step: number, measures: readonly LayerMeasures[]): [kind: string, text: string][] {
    return measures.flatMap((layer) => {
      const watch = this.#layers.get(layer.layer) ?? {
        lastTaken: Array.from(layer.taken, () => step - 1),
        loads: [],
        tokens: [],
      };
      this.#layers.set(layer.layer, watch);
      for (const [expert, taken] of layer.taken.entries()) if (taken > 0) watch.lastTaken[expert] = step;
      watch.loads = [...watch.loads.slice(1 - averaged), layer.load.slice()];
      watch.tokens = [...watch.tokens.slice(1 - averaged), layer.tokens[0]];
      return [...this.#dead(step, layer, watch), ...collapse(step, layer, watch)];
    });
  }

  #dead(step: number, { layer, experts }: LayerMeasures, { lastTaken }: LayerWatch): [string, string][] {
    const dead = lastTaken.flatMap((last, expert) => (step - last >= this.#deadAfter ? [expert] : []));
    if (dead.length === 0) return [];
    const named = dead.length > 8 ? `${dead.slice(0, 8).join(", ")}, …` : dead.join(", ");
    const text =
      `${layer}: ${dead.length} of ${experts} experts took no token in ${this.#deadAfter} steps (${named}), at step ${step}. ` +
      "They learn nothing: add or raise a load-balancing loss (auxLoss), use a gate that balances by a bias " +
      "(moe.sigmoidGate), or fewer experts.";
    return [[`dead experts in ${layer}`, text]];
  }
}

/** The number of experts in use is e to the entropy of the load. */
function collapse(step: number, { layer, experts }: LayerMeasures, watch: LayerWatch): [string, string][] {
  if (step < firstJudgement || watch.loads.length < averaged) return [];
  const load = watch.loads.reduce((sum, each) => sum.map((value, expert) => value + each[expert]));
  const all = load.reduce((sum, value) => sum + value, 0);
  const tokens = watch.tokens.reduce((sum, value) => sum + value, 0);
  if (all === 0 || tokens === 0) return [];
  const choices = all / tokens;
  const entropy = load.reduce(
    (sum, value) => (value > 0 ? sum - (value / all) * Math.log(value / all) : sum),
    0,
  );
  const used = Math.exp(entropy);
  if (experts < 2 * choices || used >= choices + leastSpread * (experts - choices)) return [];
  const most = load.indexOf(Math.max(...load));
  const share = Math.round((100 * load[most]) / tokens);
  const text =
    `${layer}: routing has collapsed to about ${used.toFixed(1)} of ${experts} experts at step ${step}: ${share} % of the ` +
    `tokens go to expert ${most}. Add or raise a load-balancing loss (auxLoss), noise in the gate (moe.noisyTopKGate, ` +
    "moe.switchGate), a z-loss, or lower the learning rate.";
  return [[`collapse of ${layer}`, text]];
}
