/** What the tests of the contract suite share. */
import type { ApiClient } from "./api-client.ts";

/** A cluster that the suite runs against. */
export interface Cluster extends AsyncDisposable {
  readonly kubeconfig: string;
}

export interface Place {
  readonly api: ApiClient;
  /** A namespace of the suite's own, made before the tests. */
  readonly namespace: string;
}

export type Tests = (place: () => Place) => void;

export const core = (namespace: string, plural: string): string => `/api/v1/namespaces/${namespace}/${plural}`;

export const configMap = (name: string, more: object = {}): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  ...more,
});

/** A Pod that nothing runs; with a node's name it is never scheduled and is deleted gracefully. */
export const pod = (name: string, more: { labels?: object; spec?: object } = {}): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: more.labels ?? {} },
  spec: {
    nodeName: "contract-node",
    tolerations: [{ operator: "Exists" }],
    containers: [{ name: "c", image: "lab/none:1" }],
    ...more.spec,
  },
});
