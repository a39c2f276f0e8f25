import type { MeshSettings, SettingCauses, TlsSettings, TlsVersion } from "../../mesh/mesh.ts";
import type { Problem } from "../../mesh/problem.ts";
import type { MeshObject, ObjectKey } from "../../object.ts";
import { compareAge } from "../age.ts";
import { readObjects } from "../read-object.ts";
import { valueInvalid } from "./problems.ts";
import { type MeshConfig, meshConfigSchema } from "./schema.ts";

/** The name that OSM looks for; objects of other names mean nothing. */
const meshConfigName = "osm-mesh-config";

type ConfiguredSettings = Pick<MeshSettings, "mode" | "egress" | "tls"> & {
  readonly causes: Omit<SettingCauses, "cidrs">;
};

interface Configured {
  readonly settings: ConfiguredSettings;
  readonly problems: readonly Problem[];
}

const defaultTls: TlsSettings = { minimum: "TLSv1_2", maximum: "TLSv1_3", cipherSuites: [], ecdhCurves: [] };

/** What OSM's chart installs: the mesh starts open. */
const withoutMeshConfig: ConfiguredSettings = {
  mode: "permissive",
  egress: true,
  tls: defaultTls,
  causes: { mode: [], egress: [], tls: [] },
};

/** What stands when the mesh's settings exist and cannot be read: nothing that was closed may open. */
function withUnreadable(causes: readonly ObjectKey[]): ConfiguredSettings {
  return { mode: "enforced", egress: false, tls: defaultTls, causes: { mode: causes, egress: causes, tls: [] } };
}

/** Settings of the mesh from the MeshConfig objects of all namespaces. The oldest readable one counts, unless one cannot be read: then the mesh closes. */
export function settingsOf(objects: readonly MeshObject[]): Configured {
  const candidates = objects.filter(({ key }) => key.name === meshConfigName);
  if (candidates.length === 0) return { settings: withoutMeshConfig, problems: [] };
  const { read, problems } = readObjects(candidates, meshConfigSchema);
  const [oldest] = read.toSorted(compareAge);
  if (oldest === undefined || problems.length > 0) {
    return { settings: withUnreadable(problems.map(({ object }) => object)), problems };
  }
  return settingsFrom(oldest);
}

function settingsFrom({ key, spec }: MeshConfig & { readonly key: ObjectKey }): Configured {
  const problems: Problem[] = [];
  const traffic = spec.traffic ?? {};
  const flag = (name: string): boolean => {
    const value = traffic[name] ?? false;
    if (typeof value === "boolean") return value;
    problems.push(valueInvalid(key, `spec.traffic.${name}`, { value, instead: "false stands in its place" }));
    return false;
  };
  const tls = tlsOf(key, spec.sidecar ?? {}, problems);
  const settings: ConfiguredSettings = {
    mode: flag("enablePermissiveTrafficPolicyMode") ? "permissive" : "enforced",
    egress: flag("enableEgress"),
    tls,
    causes: { mode: [key], egress: [key], tls: isDefault(tls) ? [] : [key] },
  };
  return { settings, problems };
}

function isDefault({ minimum, maximum, cipherSuites, ecdhCurves }: TlsSettings): boolean {
  const lists = cipherSuites.length + ecdhCurves.length;
  return minimum === defaultTls.minimum && maximum === defaultTls.maximum && lists === 0;
}

const tlsVersions: readonly TlsVersion[] = ["TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3"];

/** What Envoy's TLS library takes in a list of cipher suites for TLS 1.2 and below; it refuses a whole listener for any other name. */
const cipherSuites: readonly string[] = ["ECDHE-ECDSA", "ECDHE-RSA", ""].flatMap((exchange) =>
  ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "CHACHA20-POLY1305"]
    .filter((cipher) => exchange !== "" || !cipher.startsWith("CHACHA20"))
    .map((cipher) => (exchange === "" ? cipher : `${exchange}-${cipher}`)),
);

const ecdhCurves: readonly string[] = ["X25519MLKEM768", "X25519", "P-256", "P-384", "P-521"];

function tlsOf(key: ObjectKey, sidecar: Readonly<Record<string, unknown>>, problems: Problem[]): TlsSettings {
  const version = (name: string, otherwise: TlsVersion): TlsVersion => {
    const value = sidecar[name] ?? otherwise;
    const known = (["TLS_AUTO", ...tlsVersions] as const).find((candidate) => candidate === value);
    if (known === undefined)
      problems.push(valueInvalid(key, `spec.sidecar.${name}`, { value, instead: `${otherwise} stands in its place` }));
    return known ?? otherwise;
  };
  const names = (name: string, known: readonly string[]): readonly string[] => {
    const value = sidecar[name] ?? [];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.filter((item): item is string => {
      if (known.includes(item as string)) return true;
      problems.push(valueInvalid(key, `spec.sidecar.${name}`, { value: item, instead: "it is left out" }));
      return false;
    });
  };
  const minimum = version("tlsMinProtocolVersion", defaultTls.minimum);
  const maximum = version("tlsMaxProtocolVersion", defaultTls.maximum);
  const inverted = maximum !== "TLS_AUTO" && tlsVersions.indexOf(minimum) > tlsVersions.indexOf(maximum);
  if (inverted) {
    const instead = `${defaultTls.minimum} to ${defaultTls.maximum} stands in its place`;
    problems.push(valueInvalid(key, "spec.sidecar.tlsMinProtocolVersion", { value: minimum, instead }));
  }
  return {
    minimum: inverted ? defaultTls.minimum : minimum,
    maximum: inverted ? defaultTls.maximum : maximum,
    cipherSuites: names("cipherSuites", cipherSuites),
    ecdhCurves: names("ecdhCurves", ecdhCurves),
  };
}
