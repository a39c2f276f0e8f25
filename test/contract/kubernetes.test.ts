import { startKubernetes } from "../../local/kubernetes/start-kubernetes.ts";
import { kubernetesContract } from "./kubernetes.contract.ts";

kubernetesContract("the stand-in", () => startKubernetes());
