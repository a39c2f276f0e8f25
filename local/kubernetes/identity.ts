/** The server's secrets, kept in its folder so that kubeconfigs and tokens outlive a restart. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, type KeyAndCertificate } from "./certificates.ts";
import { generateTokenKey } from "./tokens/tokens.ts";

export interface Identity {
  readonly authority: KeyAndCertificate;
  /** Private key (PEM) that signs service-account tokens. */
  readonly tokenKey: string;
  readonly adminToken: string;
}

function createIdentity(): Identity {
  return {
    authority: createAuthority(),
    tokenKey: generateTokenKey(),
    adminToken: randomBytes(24).toString("base64url"),
  };
}

/** @param folder undefined for an identity that is not kept */
export function loadIdentity(folder: string | undefined): Identity {
  if (folder === undefined) return createIdentity();
  const file = join(folder, "identity.json");
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Identity;
  const identity = createIdentity();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Whole or not at all, whenever the process is killed.
  writeFileSync(`${file}.new`, `${JSON.stringify(identity)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return identity;
}
