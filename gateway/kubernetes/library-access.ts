import { Agent } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import type { AccessOptions, ClusterAccess } from "./cluster-access.ts";

/** By the client library, which knows all that a kubeconfig may ask for: plug-ins, providers, proxies. Without a file the usual places are tried. */
export function libraryAccess(kubeconfig?: string): ClusterAccess {
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new MeshError("config-invalid", "the kubeconfig names no current cluster");
  return {
    server,
    async requestOptions() {
      const options: AccessOptions = { headers: {} };
      await config.applyToHTTPSOptions(options);
      // The library keeps one agent a cluster, but lets its connections end with every answer.
      if (options.agent instanceof Agent) Object.assign(options.agent, { keepAlive: true });
      return options;
    },
  };
}
