/** Service-account tokens: signed JWTs (RFC 7519) with the claims that Kubernetes gives them. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
  verify,
} from "node:crypto";
import { at, isRecord, recordOf, textOf } from "../json.ts";

export const issuer = "https://kubernetes.default.svc.cluster.local";

interface NameAndUid {
  readonly name: string;
  readonly uid: string;
}

/** Whom a token stands for. */
export interface TokenSubject {
  readonly namespace: string;
  readonly serviceAccount: NameAndUid;
  readonly pod?: NameAndUid;
  readonly node?: NameAndUid;
}

export interface TokenClaims extends TokenSubject {
  readonly audiences: readonly string[];
  readonly id: string;
  /** Seconds since 1970. */
  readonly expires: number;
}

export interface Tokens {
  /** @param seconds how long it is good for; @param now milliseconds since 1970 */
  issue(subject: TokenSubject, options: { audiences: readonly string[]; seconds: number; now: number }): string;
  /** Claims of a token of ours whose signature and times are right; else the reason why not. */
  verify(token: string, now: number): TokenClaims | { readonly refused: string };
  /** The public keys, as served under /openid/v1/jwks. */
  readonly keySet: object;
}

/** A new signing key (P-256), as PEM. */
export function generateTokenKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function decode(part: string | undefined): Readonly<Record<string, unknown>> {
  try {
    return recordOf(JSON.parse(Buffer.from(part ?? "", "base64url").toString("utf8")));
  } catch {
    return {};
  }
}

function reference(value: unknown): NameAndUid | undefined {
  return isRecord(value) ? { name: textOf(value["name"]), uid: textOf(value["uid"]) } : undefined;
}

function readClaims(claims: Readonly<Record<string, unknown>>): TokenClaims {
  const own = claims["kubernetes.io"];
  const pod = reference(at(own, "pod"));
  const node = reference(at(own, "node"));
  return {
    namespace: textOf(at(own, "namespace")),
    serviceAccount: reference(at(own, "serviceaccount")) ?? { name: "", uid: "" },
    ...(pod === undefined ? {} : { pod }),
    ...(node === undefined ? {} : { node }),
    audiences: [claims["aud"]].flat().map(textOf),
    id: textOf(claims["jti"]),
    expires: Number(claims["exp"]),
  };
}

/** @param pem private key, see generateTokenKey */
export function createTokens(pem: string): Tokens {
  const privateKey = createPrivateKey(pem);
  const publicKey: KeyObject = createPublicKey(privateKey);
  const kid = createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("base64url");
  const header = encode({ alg: "ES256", kid });
  const signing = { key: privateKey, dsaEncoding: "ieee-p1363" } as const;
  return {
    issue({ namespace, serviceAccount, pod, node }, { audiences, seconds, now }) {
      const issued = Math.floor(now / 1000);
      const payload = encode({
        aud: audiences,
        exp: issued + seconds,
        iat: issued,
        iss: issuer,
        jti: randomUUID(),
        "kubernetes.io": { namespace, node, pod, serviceaccount: serviceAccount },
        nbf: issued,
        sub: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
      });
      const signature = sign("sha256", Buffer.from(`${header}.${payload}`), signing);
      return `${header}.${payload}.${signature.toString("base64url")}`;
    },
    verify(token, now) {
      const [head, payload, signature, ...rest] = token.split(".");
      const claims = decode(payload);
      if (signature === undefined || rest.length > 0 || decode(head)["kid"] !== kid || claims["iss"] !== issuer) {
        return { refused: "invalid bearer token" };
      }
      const key = { key: publicKey, dsaEncoding: "ieee-p1363" } as const;
      const genuine = verify("sha256", Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, "base64url"));
      if (!genuine) return { refused: "invalid bearer token" };
      if (Number(claims["exp"]) * 1000 <= now) {
        return { refused: "[invalid bearer token, service account token has expired]" };
      }
      return readClaims(claims);
    },
    keySet: { keys: [{ ...publicKey.export({ format: "jwk" }), use: "sig", kid, alg: "ES256" }] },
  };
}
