/** Starts the Kubernetes API server stand-in: store, controllers and HTTPS server in this process. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../shared/ports/clock.ts";
import { systemClock } from "../../shared/shell/system-clock.ts";
import { startFaultControl } from "../faults/fault-control.ts";
import { createFaultInjector } from "../faults/fault-injector.ts";
import type { FaultPlan } from "../faults/fault-plan.ts";
import { lockFolder } from "../folder-lock.ts";
import { applyFolder } from "./apply-folder.ts";
import { createServerCertificate } from "./certificates.ts";
import { isEstablished, startCustomResourceController } from "./controllers/custom-resources.ts";
import { startEndpointSliceController } from "./controllers/endpoint-slices.ts";
import { startEventExpiry } from "./controllers/expired-events.ts";
import { startGarbageCollector } from "./controllers/garbage-collection.ts";
import { startNamespaceController } from "./controllers/namespaces.ts";
import { type KubernetesFault, kubernetesFault } from "./faults.ts";
import { createHttpServer } from "./http/server.ts";
import { type Identity, loadIdentity } from "./identity.ts";
import { customResourceDefinitionKind } from "./kinds/custom-resource-definition.ts";
import type { Kind } from "./kinds/kind.ts";
import { namespaceKind } from "./kinds/namespace.ts";
import { createRegistry } from "./kinds/registry.ts";
import { serviceKind } from "./kinds/service.ts";
import { createServiceAddresses } from "./kinds/service-addresses.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { type KubernetesObject, timestamp } from "./object.ts";
import { openJournal } from "./store/journal.ts";
import { createObjectStore, type ObjectStore } from "./store/object-store.ts";
import { strike } from "./strike.ts";
import { createTokens } from "./tokens/tokens.ts";
import type { World } from "./world.ts";

export interface KubernetesOptions {
  /** 0, the default: any free port. */
  readonly port?: number;
  /** Name or address to listen on; default 127.0.0.1. With 0.0.0.0 the URL is that of 127.0.0.1. */
  readonly host?: string;
  /** Folder that objects and secrets are kept in; without it they are gone with the process. */
  readonly dir?: string;
  /** Range that Services get their addresses from; default 10.128.0.0/16. */
  readonly serviceCidr?: string;
  /** File or folder of YAML objects (CustomResourceDefinitions) applied before the server is ready. */
  readonly crds?: string;
  /** What befalls requests and changes from the moment the server is ready; nothing when absent. */
  readonly faults?: FaultPlan<KubernetesFault>;
  /** Port of `/faults` on loopback, 0 for any; none when absent. */
  readonly controlPort?: number;
  /** The machine's when absent. */
  readonly clock?: Clock;
}

export interface Kubernetes extends AsyncDisposable {
  /** "https://HOST:PORT". */
  readonly url: string;
  readonly port: number;
  /** YAML of a kubeconfig with an administrator's token. */
  readonly kubeconfig: string;
  /** `http://127.0.0.1:PORT/faults`, where there is a control port. */
  readonly faultsUrl: string | undefined;
}

const defaultHost = "127.0.0.1";
const defaultServiceCidr = "10.128.0.0/16";
const namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

function newObject(
  world: World,
  kind: Kind,
  fields: { name: string; namespace?: string } & Record<string, unknown>,
): KubernetesObject {
  const { name, namespace, ...rest } = fields;
  const object: KubernetesObject = {
    apiVersion: "v1",
    kind: kind.kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid: randomUUID(),
      resourceVersion: "",
      creationTimestamp: timestamp(world.now()),
    },
    ...rest,
  };
  kind.behaviour.prepare?.(object, undefined, world);
  return object;
}

const isEverywhere = (host: string): boolean => host === "0.0.0.0" || host === "::";

/** What clients may call the server by: when it listens everywhere, every address of this machine. */
function hostNames(host: string): readonly string[] {
  const own = isEverywhere(host) ? Object.values(networkInterfaces()).flatMap((each) => each ?? []) : [];
  const addresses = own.map(({ address }) => address).filter((address) => !address.startsWith("fe80:"));
  return [...new Set(["localhost", defaultHost, host, ...addresses])];
}

/** What every cluster has from its first moment. */
function furnish(world: World, port: number): void {
  const { store } = world;
  for (const name of namespaces) {
    if (store.get(namespaceKind.collection, undefined, name) === undefined) {
      store.put(namespaceKind.collection, newObject(world, namespaceKind, { name }));
    }
  }
  if (store.get(serviceKind.collection, "default", "kubernetes") !== undefined) return;
  const spec = {
    clusterIP: world.serviceAddresses.first,
    ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: port }],
  };
  store.put(serviceKind.collection, newObject(world, serviceKind, { name: "kubernetes", namespace: "default", spec }));
}

/** Resolves when every definition of the store is established. */
async function definitionsEstablished(store: ObjectStore): Promise<void> {
  const pending = (): boolean => store.list(customResourceDefinitionKind.collection).some((crd) => !isEstablished(crd));
  while (pending()) await new Promise((resolve) => setImmediate(resolve));
}

interface OpenStore extends Disposable {
  readonly store: ObjectStore;
  /** Writes down all that the store holds, after it was replaced. */
  save(): void;
}

function openStore(dir: string | undefined): OpenStore {
  if (dir === undefined) {
    return { store: createObjectStore(), save: () => undefined, [Symbol.dispose]: () => undefined };
  }
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const lock = lockFolder(dir);
  const journal = openJournal(join(dir, "store"));
  const store = createObjectStore(journal.recovered ?? {});
  journal.compact(store);
  store.subscribe((change) => {
    journal.append(change);
    if (journal.isLong) journal.compact(store);
  });
  return {
    store,
    save: () => journal.compact(store),
    [Symbol.dispose]() {
      journal.compact(store);
      journal[Symbol.dispose]();
      lock.release();
    },
  };
}

interface Controllers extends Disposable {
  /** They look at the whole store anew. */
  restart(): void;
}

function startControllers(world: World, identity: Identity): Controllers {
  const start = (): readonly Disposable[] => [
    startCustomResourceController(world),
    startNamespaceController(world, identity.authority.certificate),
    startGarbageCollector(world),
    startEndpointSliceController(world),
    startEventExpiry(world),
  ];
  let running = start();
  const stop = (): void => {
    for (const controller of running) controller[Symbol.dispose]();
  };
  return {
    restart() {
      stop();
      running = start();
    },
    [Symbol.dispose]: stop,
  };
}

/**
 * Starts a server that is ready when this resolves.
 *
 * @throws Error with one clear line: the port or the folder is in use, the range is no range, a file cannot be applied
 */
export async function startKubernetes(options: KubernetesOptions = {}): Promise<Kubernetes> {
  await using life = new AsyncDisposableStack();
  const { host = defaultHost, clock = systemClock } = options;
  const serviceAddresses = createServiceAddresses(options.serviceCidr ?? defaultServiceCidr);
  const opened = life.use(openStore(options.dir));
  const identity = loadIdentity(options.dir);
  const { store } = opened;
  const tokens = createTokens(identity.tokenKey);
  const world: World = { store, registry: createRegistry(), tokens, serviceAddresses, now: () => clock.now() };
  const names = ["kubernetes", "kubernetes.default.svc", serviceAddresses.first, ...hostNames(host)];
  const injector = createFaultInjector<KubernetesFault>();
  let port = 0;
  const now = (fault: KubernetesFault): void =>
    strike(
      {
        store,
        closeWatches: () => http.watches.closeAll(),
        storeReplaced() {
          opened.save();
          controllers.restart();
        },
      },
      fault,
    );
  const http = createHttpServer({
    world,
    tls: createServerCertificate(identity.authority, names),
    adminToken: identity.adminToken,
    faults: { injector, strike: now },
    clock,
    address: () => `${host}:${port}`,
  });
  life.use(http);
  http.server.listen({ port: options.port ?? 0, host });
  await once(http.server, "listening");
  port = (http.server.address() as AddressInfo).port;
  furnish(world, port);
  const controllers = life.use(startControllers(world, identity));
  if (options.crds !== undefined) applyFolder(world, options.crds);
  await definitionsEstablished(store);
  if (options.faults !== undefined) injector.replace(options.faults);
  const control =
    options.controlPort === undefined
      ? undefined
      : life.use(await startFaultControl({ injector, schema: kubernetesFault, port: options.controlPort, now }));
  const reached = isEverywhere(host) ? defaultHost : host;
  const url = `https://${reached.includes(":") ? `[${reached}]` : reached}:${port}`;
  const running = life.move();
  return {
    url,
    port,
    kubeconfig: kubeconfig({ url, caCertificate: identity.authority.certificate, token: identity.adminToken }),
    faultsUrl: control?.url,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
