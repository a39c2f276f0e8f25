import { type KubernetesClient, type KubernetesObject, KubernetesRefusal } from "../../../gateway/kubernetes/client.ts";

/** An API server that holds these objects and never changes. Which version of a kind is asked for does not matter: as with CRDs, they are converted by renaming. */
export function createStaticCluster(objects: readonly KubernetesObject[]): KubernetesClient {
  return {
    server: "static",
    async call<T>({ path }: { readonly path: string }): Promise<T> {
      const [, group, plural] = /^\/(?:api|apis\/([^/]+))\/[^/]+\/([^/?]+)$/.exec(path) ?? [];
      if (plural === undefined) throw new KubernetesRefusal(405, "MethodNotAllowed", `only lists, not ${path}`);
      const items = objects.filter((object) => groupOf(object) === (group ?? "") && pluralOf(object) === plural);
      return { metadata: { resourceVersion: "1" }, items } as T;
    },
    watch: (_path, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("the watch was stopped")), { once: true });
      }),
  };
}

function groupOf({ apiVersion = "" }: KubernetesObject): string {
  return apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
}

function pluralOf({ kind = "" }: KubernetesObject): string {
  return `${kind.toLowerCase()}s`;
}
