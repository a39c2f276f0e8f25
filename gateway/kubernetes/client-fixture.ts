import { MeshError } from "../../shared/shell/mesh-error.ts";
import { type KubernetesCall, type KubernetesClient, KubernetesRefusal } from "./client.ts";

/** A watch that a test holds open. */
export interface OpenWatch {
  readonly path: string;
  /** Sends one line. Throws nothing: what the reader throws ends the watch, as with the real client. */
  line(value: object | string): void;
  end(): void;
  break(): void;
}

/** An API server of which a test writes every answer. */
export interface FakeApi extends KubernetesClient {
  readonly calls: KubernetesCall[];
  /** Answers a call: a value is the body, a KubernetesRefusal or MeshError is thrown. */
  answer: (call: KubernetesCall) => unknown;
  /** Refuses watches instead of opening them. */
  refuseWatch: (path: string) => Error | undefined;
  readonly watches: OpenWatch[];
}

export function createFakeApi(answer: (call: KubernetesCall) => unknown): FakeApi {
  const api: FakeApi = {
    server: "https://fake",
    calls: [],
    watches: [],
    answer,
    refuseWatch: () => undefined,
    async call<T>(call: KubernetesCall): Promise<T> {
      api.calls.push(call);
      call.signal?.throwIfAborted();
      const result = await api.answer(call);
      call.signal?.throwIfAborted();
      if (result instanceof Error) throw result;
      return structuredClone(result) as T;
    },
    async watch(path, signal, line) {
      const refused = api.refuseWatch(path);
      if (refused !== undefined) throw refused;
      const done = Promise.withResolvers<void>();
      const stop = (): void => done.reject(new MeshError("unavailable", "aborted"));
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      api.watches.push({
        path,
        line(value) {
          try {
            line(typeof value === "string" ? value : JSON.stringify(value));
          } catch (error) {
            done.reject(error instanceof KubernetesRefusal ? error : new MeshError("unavailable", String(error)));
          }
        },
        end: () => done.resolve(),
        break: () => done.reject(new MeshError("unavailable", "the connection broke")),
      });
      await done.promise;
    },
  };
  return api;
}

/** An object of a list or a watch line. */
export function metadataOnly(name: string, resourceVersion: string, namespace = "shop"): object {
  return { metadata: { name, namespace, uid: `uid-${name}`, resourceVersion } };
}

/** Waits until something holds that other work of this process brings about. */
export async function until(holds: () => boolean): Promise<void> {
  const giveUp = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > giveUp) throw new Error("waited 30 s in vain");
    await new Promise((resolve) => setImmediate(resolve));
  }
}
