/** The part of dns-packet that the cluster DNS uses; the package ships no types. */
declare module "dns-packet" {
  export interface Question {
    readonly type: string;
    readonly name: string;
  }

  export interface Answer {
    readonly type: "A" | "CNAME";
    readonly name: string;
    readonly ttl: number;
    readonly data: string;
  }

  export interface Packet {
    readonly type: "query" | "response";
    readonly id: number;
    /** Bits of the header, the response code (0–15) in the lowest four. */
    readonly flags: number;
    readonly questions: readonly Question[];
    readonly answers: readonly Answer[];
  }

  export const AUTHORITATIVE_ANSWER: number;
  export const RECURSION_DESIRED: number;
  export const TRUNCATED_RESPONSE: number;
  export function decode(bytes: Uint8Array): Packet;
  export function encode(packet: Packet): Buffer;
}
