/** The request units of one container: as many a second as are provisioned, those of at most one second saved up. */
export interface Throughput {
  /** Whether a request may pass now: undefined, or how long it should wait, ms. */
  wait(now: number): number | undefined;
  /** Takes what a request cost. The last one that passes may cost more than is left; those after it pay. */
  spend(units: number, now: number): void;
}

/** @param perSecond request units, at any moment; Infinity throttles nothing */
export function createThroughput(perSecond: () => number): Throughput {
  let left: number | undefined;
  let at = 0;
  const refill = (now: number): number => {
    const rate = perSecond();
    left = left === undefined ? rate : Math.min(rate, left + (Math.max(0, now - at) / 1000) * rate);
    at = now;
    return left;
  };
  return {
    wait(now) {
      const rate = perSecond();
      if (rate === Number.POSITIVE_INFINITY) return undefined;
      const present = refill(now);
      return present > 0 ? undefined : Math.max(1, Math.ceil((-present / rate) * 1000));
    },
    spend(units, now) {
      if (perSecond() !== Number.POSITIVE_INFINITY) left = refill(now) - units;
    },
  };
}
