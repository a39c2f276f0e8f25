import type { Measure } from "./comparison.ts";

/** What the load client prints (test/bench/peers/client/main.go). */
export interface LoadResults {
  readonly grown: readonly {
    readonly streams: number;
    readonly connectMs: number;
    /** Of the idle server. Bytes. */
    readonly rss: number;
  }[];
  readonly pushed: readonly {
    readonly lastMs: readonly number[];
    readonly cpuUs: number;
    readonly perSecond: number;
  }[];
  readonly reconnected?: { readonly ms: number; readonly resent: number };
}

/** One start of a server, and what the client does with it. */
export interface Scenario {
  readonly name: string;
  readonly services: number;
  readonly tls: boolean;
  readonly sotw: boolean;
  readonly flags: readonly string[];
  readonly measures: readonly (Measure & { readonly of: (results: LoadResults) => number })[];
}

export interface Fleet {
  readonly few: number;
  readonly many: number;
  /** Changes that are measured, of each kind. */
  readonly rounds: number;
}

export const wholeFleet: Fleet = { few: 1000, many: 5000, rounds: 11 };
export const quickFleet: Fleet = { few: 100, many: 300, rounds: 5 };

/** Budgets are of design.md §9 and hold for the whole fleet. */
export function scenariosOf({ few, many, rounds }: Fleet): readonly Scenario[] {
  const budget = (most: number): { readonly budget?: number } => (few === wholeFleet.few ? { budget: most } : {});
  const streams = (size: number): string => size.toLocaleString("en-US");
  const common = [`--rounds=${rounds}`];
  return [
    {
      name: `delta, ${streams(few)} streams`,
      services: 100,
      tls: false,
      sotw: false,
      flags: [...common, `--streams=${few}`, "--clusters=1,2,20"],
      measures: [
        {
          what: `one change → last of ${streams(few)} delta streams`,
          unit: "ms",
          ...budget(15),
          of: (results) => lastOf(results, 0),
        },
        { what: "CPU per push and its ACK, 1 KB", unit: "µs", ...budget(30), of: (results) => cpuOf(results, 1) },
        { what: "CPU per push and its ACK, 10 KB", unit: "µs", of: (results) => cpuOf(results, 2) },
        { what: "sustained pushes, 1 KB", unit: "/s", of: (results) => results.pushed[1]?.perSecond ?? Number.NaN },
      ],
    },
    {
      name: `delta, ${streams(many)} streams`,
      services: 100,
      tls: false,
      sotw: false,
      flags: [...common, `--streams=${few},${many}`, "--reconnect"],
      measures: [
        {
          what: `one change → last of ${streams(many)} delta streams`,
          unit: "ms",
          ...budget(65),
          of: (results) => lastOf(results, 0),
        },
        { what: "memory per idle stream, plain", unit: "KB", ...budget(35), of: slopeOf },
        {
          what: `${streams(many)} streams reconnect, nothing sent again`,
          unit: "ms",
          ...budget(1500),
          of: reconnectOf,
        },
      ],
    },
    {
      name: `delta over TLS, ${streams(many)} streams`,
      services: 100,
      tls: true,
      sotw: false,
      flags: [...common, `--streams=${few},${many}`],
      measures: [
        { what: "memory per idle stream, TLS", unit: "KB", ...budget(75), of: slopeOf },
        { what: `one change → last of ${streams(many)} TLS streams`, unit: "ms", of: (results) => lastOf(results, 0) },
        {
          what: `${streams(many - few)} more TLS streams connect and have everything`,
          unit: "ms",
          of: (results) => results.grown[1]?.connectMs ?? Number.NaN,
        },
      ],
    },
    ...[2, 20].map((services): Scenario => {
      const size = `${services / 2} KB`;
      return {
        name: `state of the world, ${size}`,
        services,
        tls: false,
        sotw: true,
        flags: [...common, `--streams=${few}`],
        measures: [
          {
            what: `SotW ${size} → last of ${streams(few)} streams`,
            unit: "ms",
            of: (results) => lastOf(results, 0),
          },
          { what: `SotW, CPU per push and its ACK, ${size}`, unit: "µs", of: (results) => cpuOf(results, 0) },
        ],
      };
    }),
  ];
}

function lastOf({ pushed }: LoadResults, series: number): number {
  const sorted = (pushed[series]?.lastMs ?? []).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function cpuOf({ pushed }: LoadResults, series: number): number {
  return pushed[series]?.cpuUs ?? Number.NaN;
}

/** KB a stream, between the two sizes of the fleet. */
function slopeOf({ grown: [small, large] }: LoadResults): number {
  if (small === undefined || large === undefined) return Number.NaN;
  return (large.rss - small.rss) / (large.streams - small.streams) / 1000;
}

function reconnectOf({ reconnected }: LoadResults): number {
  if (reconnected === undefined) return Number.NaN;
  if (reconnected.resent > 0) throw new Error(`${reconnected.resent} resources were sent again`);
  return reconnected.ms;
}
