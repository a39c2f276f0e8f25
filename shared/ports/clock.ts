/** Time, so that tests can own it. */
export interface Clock {
  /** Milliseconds since 1970, as certificates and tokens count. May jump. */
  now(): number;
  /** Milliseconds on a clock that never goes back; its zero means nothing. */
  monotonic(): number;
  /** Calls back once after so many milliseconds, unless disposed of before. Does not keep the process alive. */
  after(milliseconds: number, callback: () => void): Disposable;
}
