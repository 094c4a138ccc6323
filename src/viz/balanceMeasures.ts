/** How evenly one layer's tokens are spread over its experts. */

export interface BalanceMeasures {
  /** Coefficient of variation σ/μ of the counts, σ over all experts; 0 is balanced. */
  cv: number;
  /** Maximal violation max/mean − 1 (arXiv 2408.15664); 0 is balanced. */
  maxVio: number;
  /** exp(H)/E with H = −Σ f ln f over the shares f; 1 is balanced, 1/E is all on one expert. */
  diversity: number;
  /** Share of experts without a token; 0 is balanced. */
  deadFraction: number;
}

/** What each measure is when every expert gets as much as every other. */
export const balancedValues: Readonly<BalanceMeasures> = { cv: 0, maxVio: 0, diversity: 1, deadFraction: 0 };

/** `counts`: tokens per expert, non-negative, at least one of them positive. */
export function balanceMeasures(counts: readonly number[]): BalanceMeasures {
  const experts = counts.length;
  const mean = counts.reduce((sum, count) => sum + count, 0) / experts;
  const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / experts;
  const entropy = counts.reduce((sum, count) => {
    const share = count / (mean * experts);
    return share > 0 ? sum - share * Math.log(share) : sum;
  }, 0);
  return {
    cv: Math.sqrt(variance) / mean,
    maxVio: Math.max(...counts) / mean - 1,
    diversity: Math.exp(entropy) / experts,
    deadFraction: counts.filter((count) => count === 0).length / experts,
  };
}
