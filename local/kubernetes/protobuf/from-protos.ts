/**
 * Rewrites ../gen/core-messages.json: the protobuf field numbers of the built-in kinds, out of the generated.proto
 * files that Kubernetes publishes with its source (Apache License 2.0).
 *
 *     node local/kubernetes/protobuf/from-protos.ts GENERATED.PROTO...
 *
 * Needed are those of k8s.io/api (core, authentication, authorization, coordination, discovery and events, all v1) and
 * of k8s.io/apimachinery (api/resource, meta/v1, util/intstr, runtime).
 */
import { readFileSync, writeFileSync } from "node:fs";

const roots = [
  ...["Namespace", "Service", "ServiceAccount", "Pod", "Secret", "ConfigMap", "Event", "Node"].map(
    (kind) => `core.v1.${kind}`,
  ),
  ...["TokenRequest", "TokenReview", "SelfSubjectReview"].map((kind) => `authentication.v1.${kind}`),
  ...["SelfSubjectAccessReview", "SubjectAccessReview"].map((kind) => `authorization.v1.${kind}`),
  "coordination.v1.Lease",
  "discovery.v1.EndpointSlice",
  "events.v1.Event",
]
  .map((name) => `io.k8s.api.${name}`)
  .concat("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");

/** Field number → "[repeated|map] NAME TYPE". */
type Message = Record<string, string>;

const scalars = ["string", "bytes", "bool", "int32", "int64", "uint32", "uint64", "double"];

function parseProto(text: string): Record<string, Message> {
  const source = text.replaceAll(/\/\/.*$/gm, "");
  const packageName = /^package (\S+);/m.exec(source)?.[1] ?? "";
  const full = (type: string): string => {
    if (scalars.includes(type)) return type;
    const name = type.includes(".") ? type.replace(/^\./, "") : `${packageName}.${type}`;
    return name.replace(/^k8s\.io\./, "io.k8s.");
  };
  const messages = [...source.matchAll(/message (\w+) \{([^}]*)\}/g)];
  return Object.fromEntries(
    messages.map(([, name = "", body = ""]) => {
      const fields = [...body.matchAll(/(optional|repeated) (\S+) (\w+) = (\d+)|map<string, (\S+)> (\w+) = (\d+)/g)];
      const message = fields.map(
        ([, label, type = "", field = "", number = "", value, mapField = "", mapNumber = ""]) => {
          if (value !== undefined) return [mapNumber, `map ${mapField} ${full(value)}`];
          return [number, `${label === "repeated" ? "repeated " : ""}${field} ${full(type)}`];
        },
      );
      return [full(name), Object.fromEntries(message) as Message];
    }),
  );
}

const all: Record<string, Message> = Object.assign(
  {},
  ...process.argv.slice(2).map((file) => parseProto(readFileSync(file, "utf8"))),
);
const found: Record<string, Message> = {};
const wanted = [...roots];
for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
  const message = all[name];
  if (message === undefined || found[name] !== undefined) continue;
  found[name] = message;
  wanted.push(...Object.values(message).map((field) => field.slice(field.lastIndexOf(" ") + 1)));
}
const missing = roots.filter((name) => found[name] === undefined);
if (missing.length > 0) {
  process.stderr.write(`not found in the files given: ${missing.join(", ")}\n`);
  process.exitCode = 1;
} else {
  const sorted = Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(new URL("../gen/core-messages.json", import.meta.url), `${JSON.stringify(sorted, null, 1)}\n`);
}
