import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { gatewayKubernetesContract } from "./gateway-kubernetes.contract.ts";
import type { Cluster } from "./kubernetes/world.ts";
import { kubernetesContract } from "./kubernetes.contract.ts";

const kubeconfig = process.env["WEFT_KUBE_LAB"];

if (kubeconfig === undefined) {
  describe("a real Kubernetes", () => {
    it("is tested", { skip: "WEFT_KUBE_LAB names no kubeconfig of a cluster to test" }, () => undefined);
  });
} else {
  const open = (): Promise<Cluster> =>
    Promise.resolve({
      kubeconfig: readFileSync(kubeconfig, "utf8"),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  kubernetesContract("a real cluster", open);
  gatewayKubernetesContract("a real cluster", open);
}
