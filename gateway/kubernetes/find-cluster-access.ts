import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Agent, type AgentOptions } from "node:https";
import { dirname, resolve } from "node:path";
import { createSecureContext } from "node:tls";
import { readEnvironment } from "../../shared/shell/config/env.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import type { ClusterAccess } from "./cluster-access.ts";

interface KubeConfigFile {
  readonly "current-context"?: string;
  readonly contexts?: readonly { readonly name: string; readonly context: { cluster: string; user: string } }[];
  readonly clusters?: readonly { readonly name: string; readonly cluster: Readonly<Record<string, unknown>> }[];
  readonly users?: readonly { readonly name: string; readonly user: Readonly<Record<string, unknown>> }[];
}

/** Where Kubernetes puts the credentials of a pod's account. */
const podFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Tokens in files are replaced long before they end; how long one that was read is used. Milliseconds. */
const tokenAge = 60_000;

/**
 * By a kubeconfig file; without one by the pod's account, or as kubectl finds it. Pods and plain kubeconfigs (certificates, tokens) are read here: the
 * client library, which knows plug-ins, providers and proxies as well, is heavy, and loaded only where it is needed.
 */
export async function findClusterAccess(kubeconfig?: string): Promise<ClusterAccess> {
  if (kubeconfig === undefined && existsSync(`${podFolder}/token`)) return podAccess(podFolder, readEnvironment());
  const plain = kubeconfig === undefined ? undefined : await plainAccess(kubeconfig);
  if (plain !== undefined) return plain;
  const { libraryAccess } = await import("./library-access.ts");
  return libraryAccess(kubeconfig);
}

/** @param folder holds `token` and `ca.crt` */
export async function podAccess(
  folder: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ClusterAccess> {
  const host = environment["KUBERNETES_SERVICE_HOST"] ?? "kubernetes.default.svc";
  const port = environment["KUBERNETES_SERVICE_PORT"] ?? "443";
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    requestOptions: requestOptionsOf({ ca: await readFile(`${folder}/ca.crt`) }, tokenFromFile(`${folder}/token`)),
  };
}

const plainCluster: ReadonlySet<string> = new Set([
  "server",
  "certificate-authority",
  "certificate-authority-data",
  "insecure-skip-tls-verify",
  "tls-server-name",
  "extensions",
]);
const plainUser: ReadonlySet<string> = new Set([
  "token",
  "tokenFile",
  "client-certificate",
  "client-certificate-data",
  "client-key",
  "client-key-data",
]);

/** Undefined when the file asks for more than certificates and tokens over TLS. */
async function plainAccess(path: string): Promise<ClusterAccess | undefined> {
  const file = await readKubeConfig(path);
  const context = file.contexts?.find(({ name }) => name === file["current-context"])?.context;
  const cluster = file.clusters?.find(({ name }) => name === context?.cluster)?.cluster;
  const user = file.users?.find(({ name }) => name === context?.user)?.user;
  if (cluster === undefined || user === undefined) return undefined;
  if (!hasOnly(cluster, plainCluster) || !hasOnly(user, plainUser)) return undefined;
  const server = textOf(cluster, "server");
  if (server?.startsWith("https:") !== true) return undefined;

  const bytesOf = async (members: Readonly<Record<string, unknown>>, name: string): Promise<Buffer | undefined> => {
    const data = textOf(members, `${name}-data`);
    if (data !== undefined) return Buffer.from(data, "base64");
    const file = textOf(members, name);
    return file === undefined ? undefined : readFile(resolve(dirname(path), file));
  };
  const tls = {
    ca: await bytesOf(cluster, "certificate-authority"),
    cert: await bytesOf(user, "client-certificate"),
    key: await bytesOf(user, "client-key"),
    servername: textOf(cluster, "tls-server-name"),
    rejectUnauthorized: cluster["insecure-skip-tls-verify"] !== true,
  };
  const tokenFile = textOf(user, "tokenFile");
  const token =
    tokenFile === undefined
      ? () => Promise.resolve(textOf(user, "token"))
      : tokenFromFile(resolve(dirname(path), tokenFile));
  return { server, requestOptions: requestOptionsOf(tls, token) };
}

async function readKubeConfig(path: string): Promise<KubeConfigFile> {
  try {
    const text = await readFile(path, "utf8");
    // JSON is YAML, and needs no reader of its own.
    if (text.startsWith("{")) return JSON.parse(text) as KubeConfigFile;
    const { readYaml } = await import("./read-yaml.ts");
    return (readYaml(text) ?? {}) as KubeConfigFile;
  } catch (error) {
    throw new MeshError("config-invalid", `the kubeconfig ${path} cannot be read: ${String(error)}`, { cause: error });
  }
}

function requestOptionsOf(
  tls: { readonly [Option in keyof AgentOptions]: AgentOptions[Option] | undefined },
  readToken: () => Promise<string | undefined>,
): ClusterAccess["requestOptions"] {
  const said = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
  // Roots and keys are read once, not for every connection.
  const agent = new Agent({ ...said, secureContext: createSecureContext(said), keepAlive: true });
  return async () => {
    const token = await readToken();
    return { agent, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } };
  };
}

function tokenFromFile(path: string): () => Promise<string> {
  let read: { readonly token: Promise<string>; readonly at: number } | undefined;
  return () => {
    const now = performance.now();
    if (read === undefined || now - read.at > tokenAge)
      read = { token: readFile(path, "utf8").then((text) => text.trim()), at: now };
    return read.token;
  };
}

function hasOnly(members: Readonly<Record<string, unknown>>, known: ReadonlySet<string>): boolean {
  return Object.keys(members).every((name) => known.has(name));
}

function textOf(members: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = members[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}
