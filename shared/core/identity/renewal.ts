/** A span of validity, in milliseconds since 1970. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Clocks differ: what is made now is valid since so many milliseconds. */
const clockDifference = 5 * 60_000;

export function validityFrom(now: number, lifetimeMs: number): Validity {
  return { notBefore: now - clockDifference, notAfter: now + lifetimeMs };
}

/**
 * When to renew: at half life, earlier by up to a tenth of the life so that certificates made together are not renewed together.
 * `jitter` is between 0 and 1.
 */
export function renewalTime(validity: Validity, jitter: number): number {
  const life = validity.notAfter - validity.notBefore;
  return validity.notBefore + life * (0.5 - 0.1 * jitter);
}
