/** The request units of one container: as many a second as are provisioned, those of at most one second saved up. */
export interface Throughput {
  /** Whether a request may pass now: undefined, or how long it should wait, ms. */
  wait(now: number): number | undefined;
  /** Takes what a request cost. The last one that passes may cost more than is left; those after it pay. */
  spend(units: number, now: number): void;
}

/** @param perSecond request units; Infinity throttles nothing */
export function createThroughput(perSecond: number): Throughput {
  let left = perSecond;
  let at: number | undefined;
  const refill = (now: number): void => {
    const passed = Math.max(0, now - (at ?? now));
    if (perSecond !== Number.POSITIVE_INFINITY) left = Math.min(perSecond, left + (passed / 1000) * perSecond);
    at = now;
  };
  return {
    wait(now) {
      refill(now);
      return left > 0 ? undefined : Math.max(1, Math.ceil((-left / perSecond) * 1000));
    },
    spend(units, now) {
      refill(now);
      left -= units;
    },
  };
}
