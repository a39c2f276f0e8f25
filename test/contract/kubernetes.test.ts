import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { startKubernetes } from "../../local/kubernetes/start-kubernetes.ts";
import { kubernetesContract } from "./kubernetes.contract.ts";

kubernetesContract("the stand-in", () => startKubernetes());

const lab = process.env["WEFT_KUBE_LAB"];
if (lab === undefined) {
  describe("Kubernetes API: a real cluster", () => {
    it("behaves as the stand-in", { skip: "WEFT_KUBE_LAB names no kubeconfig of a cluster to test" }, () => undefined);
  });
} else {
  kubernetesContract("a real cluster", async () => ({
    kubeconfig: readFileSync(lab, "utf8"),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }));
}
