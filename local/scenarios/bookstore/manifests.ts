import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";

/** A Kubernetes object as a file holds it. */
export interface ManifestObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [member: string]: unknown;
}

/** The files of `manifests/`, by path without ending. */
export type Manifest =
  | `apps/${"bookbuyer" | "bookthief" | "bookstore" | "bookstore-v2" | "bookwarehouse" | "mysql" | "outside"}`
  | `mesh/${"permissive" | "enforced"}`
  | `access/${"bookstore-v1" | "bookstore-v1-allow-bookthief" | "bookstore-v2" | "bookwarehouse"}`
  | `split/${"v1" | "half" | "v2"}`;

const manifestFolder = join(import.meta.dirname, "manifests");

/** The objects of a file, in its order. Throws for a file that is not YAML. */
export function readManifest(manifest: Manifest): readonly ManifestObject[] {
  const text = readFileSync(join(manifestFolder, `${manifest}.yaml`), "utf8");
  return parseAllDocuments(text).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`${manifest}.yaml: ${error.message}`, { cause: error });
    return document.toJS() as ManifestObject;
  });
}
