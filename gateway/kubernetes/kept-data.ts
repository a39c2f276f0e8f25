import { isRefusal, type KubernetesClient, type KubernetesObject } from "./client.ts";

/** A Secret or ConfigMap of the gateway's own namespace, as texts. */
export interface KeptData {
  readonly kind: "Secret" | "ConfigMap";
  readonly namespace: string;
  readonly name: string;
}

export interface ReadData {
  readonly data: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly resourceVersion: string;
}

interface DataObject extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>;
}

export async function readData(client: KubernetesClient, kept: KeptData): Promise<ReadData | undefined> {
  try {
    const object = await client.call<DataObject>({ path: `${collectionPath(kept)}/${kept.name}` });
    const data = Object.entries(object.data ?? {}).map(([name, value]) => [
      name,
      kept.kind === "Secret" ? Buffer.from(value, "base64").toString("utf8") : value,
    ]);
    return {
      data: Object.fromEntries(data) as Record<string, string>,
      annotations: object.metadata.annotations ?? {},
      resourceVersion: object.metadata.resourceVersion ?? "",
    };
  } catch (error) {
    if (isRefusal(error, 404)) return undefined;
    throw error;
  }
}

/** Creates (`previous` undefined) or replaces exactly what was read, its annotations kept. False when another was quicker. */
export async function writeData(
  client: KubernetesClient,
  kept: KeptData,
  write: { readonly data: Readonly<Record<string, string>>; readonly previous: ReadData | undefined },
): Promise<boolean> {
  const encode = (value: string): string =>
    kept.kind === "Secret" ? Buffer.from(value, "utf8").toString("base64") : value;
  const data = Object.fromEntries(Object.entries(write.data).map(([name, value]) => [name, encode(value)]));
  const metadata = {
    name: kept.name,
    namespace: kept.namespace,
    ...(write.previous && {
      resourceVersion: write.previous.resourceVersion,
      annotations: write.previous.annotations,
    }),
  };
  const body = { apiVersion: "v1", kind: kept.kind, metadata, data };
  const path = write.previous === undefined ? collectionPath(kept) : `${collectionPath(kept)}/${kept.name}`;
  try {
    await client.call({ method: write.previous === undefined ? "POST" : "PUT", path, body });
    return true;
  } catch (error) {
    if (isRefusal(error, 409)) return false;
    throw error;
  }
}

function collectionPath({ kind, namespace }: KeptData): string {
  return `/api/v1/namespaces/${namespace}/${kind === "Secret" ? "secrets" : "configmaps"}`;
}
