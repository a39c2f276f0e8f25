import { parseNamespacedName, type ServiceKey, serviceKey } from "../../shared/core/mesh/mesh.ts";
import type { SelectingService } from "./workload-classes.ts";

/** Services as far as classes and endpoints are made from them. */
export interface ServiceIndex {
  readonly get: (key: ServiceKey) => SelectingService | undefined;
  readonly of: (namespace: string) => Iterable<SelectingService>;
  readonly all: () => readonly SelectingService[];
  readonly put: (service: SelectingService) => void;
  readonly remove: (key: ServiceKey) => void;
  /** Removes all others. */
  readonly keepOnly: (keys: ReadonlySet<ServiceKey>) => void;
  /** What became another since this was asked last, each as it was and as it is. */
  readonly takeChanged: () => readonly SelectingService[];
}

export function createServiceIndex(): ServiceIndex {
  const services = new Map<string, Map<string, SelectingService>>();
  let changed: SelectingService[] = [];
  const remove = (key: ServiceKey): void => {
    const { namespace, name } = parseNamespacedName(key);
    const own = services.get(namespace);
    const before = own?.get(name);
    if (before === undefined) return;
    own?.delete(name);
    changed.push(before);
  };
  const all = (): readonly SelectingService[] => [...services.values()].flatMap((own) => [...own.values()]);
  return {
    get(key) {
      const { namespace, name } = parseNamespacedName(key);
      return services.get(namespace)?.get(name);
    },
    of: (namespace) => services.get(namespace)?.values() ?? [],
    all,
    put(service) {
      const { namespace = "", name = "" } = service.metadata ?? {};
      const own = services.get(namespace) ?? new Map<string, SelectingService>();
      services.set(namespace, own);
      const before = own.get(name);
      own.set(name, service);
      if (JSON.stringify(before?.spec) === JSON.stringify(service.spec) && before !== undefined) return;
      changed.push(...(before === undefined ? [] : [before]), service);
    },
    remove,
    keepOnly(keys) {
      for (const service of all()) if (!keys.has(keyOfService(service))) remove(keyOfService(service));
    },
    takeChanged() {
      const taken = changed;
      changed = [];
      return taken;
    },
  };
}

export function keyOfService({ metadata }: SelectingService): ServiceKey {
  return serviceKey(metadata?.namespace ?? "", metadata?.name ?? "");
}
