const maxTotal = 0xffff_ffff;

/** The same proportions within what Envoy can add up (a total of 32 bits); what was above 0 stays above 0. */
export function fittingWeights(weights: readonly number[]): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total <= maxTotal) return weights;
  // One unit each is left over for those that would come out as 0.
  const factor = (maxTotal - weights.length) / total;
  return weights.map((weight) => (weight === 0 ? 0 : Math.max(1, Math.floor(weight * factor))));
}
