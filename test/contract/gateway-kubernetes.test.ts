import { startKubernetes } from "../../local/kubernetes/start-kubernetes.ts";
import { gatewayKubernetesContract } from "./gateway-kubernetes.contract.ts";

gatewayKubernetesContract("the stand-in", () => startKubernetes());
