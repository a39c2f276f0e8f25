/** design.md §9, its first table: for so many proxies of 100 services, what is asked for, and what others were measured at on a machine like ours. */

export interface Bar {
  readonly budget?: number;
  /** In the row's unit. */
  readonly peers?: string;
}

export type Change = "endpoint" | "weight";

const last: Readonly<Record<Change, Readonly<Record<number, Bar>>>> = {
  endpoint: {
    10: { budget: 10, peers: "OSM 2085, istiod 108, Kuma 1275" },
    100: { budget: 15, peers: "OSM 3288, istiod 118, Kuma 2676" },
    400: { budget: 25, peers: "OSM 4503, istiod 140" },
  },
  weight: {
    10: { budget: 50, peers: "OSM 2117, istiod 122, Kuma 1478" },
    100: { budget: 60, peers: "OSM 2682, istiod 201, Kuma 3104" },
    400: { budget: 80, peers: "OSM 4584, istiod 586" },
  },
};

const kilobytes: Readonly<Record<Change, Bar>> = {
  endpoint: { budget: 0.5, peers: "OSM 269, istiod 1.1, Kuma 359" },
  weight: { budget: 1, peers: "OSM 269, istiod 65, Kuma 71" },
};

const cpu: Readonly<Record<Change, Bar>> = {
  endpoint: { budget: 20, peers: "OSM 4600, istiod 55" },
  weight: { budget: 30, peers: "OSM 4600, istiod 478" },
};

/** Until the last proxy has it, bytes for each proxy, CPU of the gateway. With 1,000 services the same is asked for, and less is known of others. */
export function barsOf(
  change: Change,
  { services, proxies }: { readonly services: number; readonly proxies: number },
): { readonly last: Bar; readonly kilobytes: Bar; readonly cpu: Bar } {
  const known = services === 100;
  const of = (bar: Bar): Bar => (known || bar.budget === undefined ? bar : { budget: bar.budget });
  const most = cpu[change];
  return {
    last: of(last[change][proxies] ?? {}),
    kilobytes: of(kilobytes[change]),
    // Measured at 400; fewer proxies may not cost more.
    cpu: proxies === 400 || most.budget === undefined ? of(most) : { budget: most.budget },
  };
}

/** Resident memory at 400 proxies. MB. */
export const memoryBar: Bar = { budget: 160, peers: "OSM 347, istiod 639, Kuma > 1400" };
