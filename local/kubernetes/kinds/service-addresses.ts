/** The addresses and node ports that Services get. */
import { BlockList, isIPv4 } from "node:net";

export interface ServiceAddresses {
  /** The range's first usable address, which belongs to the Service `kubernetes`. */
  readonly first: string;
  contains(address: string): boolean;
  /** The lowest address not in use; undefined when the range is used up. */
  free(used: ReadonlySet<string>): string | undefined;
}

/** Parses an IPv4 range such as "10.128.0.0/16". Throws an Error that says what is wrong. */
export function createServiceAddresses(cidr: string): ServiceAddresses {
  const [base = "", bits = ""] = cidr.split("/");
  const length = Number(bits);
  if (!isIPv4(base) || !/^\d+$/.test(bits) || length < 8 || length > 30) {
    throw new Error(`${cidr} is not an IPv4 range with 8 to 30 bits, for example 10.128.0.0/16`);
  }
  const range = new BlockList();
  range.addSubnet(base, length);
  const size = 2 ** (32 - length);
  const number = base.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const start = number - (number % size);
  const address = (offset: number): string =>
    [24, 16, 8, 0].map((shift) => Math.floor((start + offset) / 2 ** shift) % 256).join(".");
  let next = 10;
  return {
    first: address(1),
    contains: (candidate) => isIPv4(candidate) && range.check(candidate),
    free(used) {
      // Going round keeps an address out of use for a while after its Service is gone.
      for (let tried = 0; tried < size - 2; tried += 1) {
        const candidate = address(1 + ((next + tried) % (size - 2)));
        if (used.has(candidate)) continue;
        next = (next + tried + 1) % (size - 2);
        return candidate;
      }
      return undefined;
    },
  };
}
