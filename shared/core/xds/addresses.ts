import type { Address, CidrRange } from "./gen/envoy/config/core/v3/address.ts";
import type { IpFamily } from "./names.ts";

export function socketAddress(address: string, port: number): Address {
  return {
    address: { $case: "socketAddress", value: { address, portSpecifier: { $case: "portValue", value: port } } },
  };
}

export function familyOf(address: string): IpFamily {
  return address.includes(":") ? "IPv6" : "IPv4";
}

/**
 * The ranges of one family, with host bits cleared, sorted, without repeats: Envoy refuses a listener in which two chains have the same range.
 * @throws RangeError for text that is not a CIDR: leaving it out could open what it closes.
 */
export function cidrRanges(cidrs: readonly string[], family: IpFamily): readonly CidrRange[] {
  const ranges = new Map<string, CidrRange>();
  for (const cidr of cidrs) {
    const range = parseCidr(cidr);
    if (range.family === family) ranges.set(cidrText(range), range);
  }
  return [...ranges]
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, { addressPrefix, prefixLen }]) => ({ addressPrefix, prefixLen }));
}

export function cidrText(range: CidrRange): string {
  return `${range.addressPrefix}/${range.prefixLen}`;
}

interface ParsedCidr {
  readonly family: IpFamily;
  readonly addressPrefix: string;
  readonly prefixLen: number;
}

function parseCidr(cidr: string): ParsedCidr {
  const [address = "", length = "", ...rest] = cidr.split("/");
  const family = familyOf(address);
  const parts = family === "IPv4" ? parseIpv4(address) : parseIpv6(address);
  const bits = family === "IPv4" ? 8 : 16;
  const prefixLen = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (rest.length > 0 || parts === undefined || !(prefixLen <= parts.length * bits))
    throw new RangeError(`not a CIDR: ${cidr}`);
  const masked = parts.map((part, index) => {
    const kept = Math.min(Math.max(prefixLen - index * bits, 0), bits);
    const unit = 2 ** (bits - kept);
    return part - (part % unit);
  });
  return {
    family,
    addressPrefix: family === "IPv4" ? masked.join(".") : masked.map((part) => part.toString(16)).join(":"),
    prefixLen,
  };
}

function parseIpv4(text: string): readonly number[] | undefined {
  const parts = text.split(".").map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : Number.NaN));
  return parts.length === 4 && parts.every((part) => part <= 255) ? parts : undefined;
}

function parseIpv6(text: string): readonly number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => "0"), ...tail];
  const parts = groups.map((group) => (/^[0-9a-f]{1,4}$/i.test(group) ? Number.parseInt(group, 16) : Number.NaN));
  return parts.every((part) => part <= 0xffff) ? parts : undefined;
}
