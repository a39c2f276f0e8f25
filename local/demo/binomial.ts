/**
 * The central interval that the number of hits among `trials` lies in with the given confidence, when each is a hit with
 * `probability`: outside of it, on either side, there is at most half of what the confidence leaves. Both ends belong to it.
 */
export function binomialInterval(
  trials: number,
  probability: number,
  confidence: number,
): { readonly least: number; readonly most: number } {
  if (probability <= 0) return { least: 0, most: 0 };
  if (probability >= 1) return { least: trials, most: trials };
  const tail = (1 - confidence) / 2;
  return {
    least: firstAbove(trials, probability, tail),
    most: trials - firstAbove(trials, 1 - probability, tail),
  };
}

/** The smallest number of hits for which the chance of that many or fewer is above `tail`. */
function firstAbove(trials: number, probability: number, tail: number): number {
  // Logarithms, as the chance of no hit at all is below the smallest number that there is.
  let logChance = trials * Math.log1p(-probability);
  const logOdds = Math.log(probability) - Math.log1p(-probability);
  let sum = Math.exp(logChance);
  let hits = 0;
  while (sum <= tail && hits < trials) {
    logChance += Math.log(trials - hits) - Math.log(hits + 1) + logOdds;
    hits += 1;
    sum += Math.exp(logChance);
  }
  return hits;
}
