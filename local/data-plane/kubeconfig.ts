/** A kubeconfig's current context as what an HTTP client needs. */

import { readFile } from "node:fs/promises";
import path from "node:path";
import { parse } from "yaml";
import { z } from "zod";

export interface ClusterAccess {
  /** For example `https://127.0.0.1:6443`. */
  readonly server: string;
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly token?: string;
  readonly insecure: boolean;
}

const FILE = z.object({
  "current-context": z.string(),
  contexts: z.array(
    z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string().optional() }) }),
  ),
  clusters: z.array(
    z.object({
      name: z.string(),
      cluster: z.object({
        server: z.string(),
        "certificate-authority": z.string().optional(),
        "certificate-authority-data": z.string().optional(),
        "insecure-skip-tls-verify": z.boolean().optional(),
      }),
    }),
  ),
  users: z
    .array(
      z.object({
        name: z.string(),
        user: z.object({
          token: z.string().optional(),
          tokenFile: z.string().optional(),
          "client-certificate": z.string().optional(),
          "client-certificate-data": z.string().optional(),
          "client-key": z.string().optional(),
          "client-key-data": z.string().optional(),
        }),
      }),
    )
    .default([]),
});

/**
 * Reads the file's current context. Tokens and client certificates are understood, programs that fetch credentials are
 * not: the data plane only ever runs beside a local API server. Throws when the file or a name in it is missing.
 */
export async function readKubeconfig(file: string): Promise<ClusterAccess> {
  const config = FILE.parse(parse(await readFile(file, "utf8")));
  const context = config.contexts.find(({ name }) => name === config["current-context"])?.context;
  const cluster = config.clusters.find(({ name }) => name === context?.cluster)?.cluster;
  if (cluster === undefined) throw new Error(`${file}: the current context names no cluster of the file`);
  const user = config.users.find(({ name }) => name === context?.user)?.user ?? {};
  const load = async (data: string | undefined, name: string | undefined): Promise<string | undefined> => {
    if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
    return name === undefined ? undefined : readFile(path.resolve(path.dirname(file), name), "utf8");
  };
  const ca = await load(cluster["certificate-authority-data"], cluster["certificate-authority"]);
  const certificate = await load(user["client-certificate-data"], user["client-certificate"]);
  const key = await load(user["client-key-data"], user["client-key"]);
  const token = user.token ?? (await load(undefined, user.tokenFile))?.trim();
  return {
    server: cluster.server.replace(/\/$/, ""),
    insecure: cluster["insecure-skip-tls-verify"] ?? false,
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
    ...(token === undefined ? {} : { token }),
  };
}
