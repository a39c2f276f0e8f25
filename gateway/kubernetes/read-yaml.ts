import { parse } from "yaml";

/** A module of its own: the reader is loaded only for the sake of a kubeconfig. */
export function readYaml(text: string): unknown {
  return parse(text);
}
