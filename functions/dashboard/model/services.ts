import type {
  AccountKey,
  Backend,
  HttpMatch,
  Mesh,
  Protocol,
  RouteRule,
  ServiceKey,
} from "../../../shared/core/mesh/mesh.ts";
import type { ObjectKey } from "../../../shared/core/object.ts";

/** A port of a Service: who stands behind it and how its traffic is divided. */
export interface ServicePortModel {
  readonly service: ServiceKey;
  readonly headless: boolean;
  readonly port: number;
  readonly protocol: Protocol;
  readonly accounts: readonly AccountKey[];
  /** In order of precedence. Empty: no TrafficSplit, all goes to the Service's own endpoints. */
  readonly splits: readonly SplitModel[];
}

export interface SplitModel {
  /** Empty: every request that no rule before it takes. */
  readonly matches: readonly HttpMatch[];
  /** Heaviest first. */
  readonly backends: readonly (Backend & { readonly percent: number })[];
  /** False: all weights are 0, so requests get 503 and connections are closed. */
  readonly anybody: boolean;
  readonly by: readonly ObjectKey[];
}

/** Sorted: divided ports first, then by Service and port. Pure. */
export function buildServices(mesh: Mesh): readonly ServicePortModel[] {
  const ports = mesh.services.flatMap(({ key, headless, ports }) =>
    ports.map(
      ({ port, protocol, accounts, rules }): ServicePortModel => ({
        service: key,
        headless,
        port,
        protocol,
        accounts,
        splits: rules.some(({ causes }) => causes.length > 0) ? rules.map(splitOf) : [],
      }),
    ),
  );
  return ports.toSorted((a, b) => Number(b.splits.length > 0) - Number(a.splits.length > 0));
}

function splitOf({ matches, backends, causes }: RouteRule): SplitModel {
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  const shares = backends.map((backend) => ({ ...backend, percent: total === 0 ? 0 : (backend.weight / total) * 100 }));
  return { matches, backends: shares.toSorted((a, b) => b.weight - a.weight), anybody: total > 0, by: causes };
}
