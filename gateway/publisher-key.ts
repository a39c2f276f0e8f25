import { createPrivateKey, type KeyObject } from "node:crypto";
import { MeshError } from "../shared/shell/mesh-error.ts";
import type { KubernetesClient } from "./kubernetes/client.ts";
import { readData } from "./kubernetes/kept-data.ts";

/** Name of the Secret that a cluster gets when it joins: `kid`, and `key`, an Ed25519 private key in PEM. */
export const publisherKeySecret = "weft-publisher-key";

export interface PublisherKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

/** The key that signs this cluster's events; made when the cluster joined, with its public half registered in the cloud. */
export async function readPublisherKey(client: KubernetesClient, namespace: string): Promise<PublisherKey> {
  const stored = await readData(client, { kind: "Secret", namespace, name: publisherKeySecret });
  const { kid, key } = stored?.data ?? {};
  if (kid === undefined || key === undefined) {
    throw new MeshError(
      "config-invalid",
      `the Secret ${namespace}/${publisherKeySecret} is missing: the cluster has not joined the mesh`,
    );
  }
  return { kid, privateKey: createPrivateKey(key) };
}
