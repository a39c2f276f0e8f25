import { type LookupAddress, type LookupOptions, lookup as resolve } from "node:dns";
import type { LookupFunction } from "node:net";

/** Long enough to spare the cluster's DNS a question a request, short enough to follow a pod that moved. */
const KEEP_MS = 1_000;

/** Looks names up as the system does (IPv4 only), and keeps each answer for a second. Failures are not kept. */
export function createNameCache(): LookupFunction {
  const kept = new Map<string, { readonly address: string; readonly until: number }>();
  return (name: string, options: LookupOptions, callback: LookupCallback) => {
    const answer = (address: string): void =>
      options.all === true ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4);
    const known = kept.get(name);
    if (known !== undefined && known.until > performance.now()) {
      process.nextTick(answer, known.address);
      return;
    }
    resolve(name, { family: 4 }, (error, address) => {
      if (error !== null) {
        callback(error, "", 4);
        return;
      }
      kept.set(name, { address, until: performance.now() + KEEP_MS });
      answer(address);
    });
  };
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;
