/**
 * The server's own certificate authority and certificate: P-256, X.509 v3 (RFC 5280).
 *
 * node-forge writes the DER, node:crypto makes keys and signatures, as node-forge knows no elliptic curves.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import forge from "node-forge";

const { asn1 } = forge;
const { Class, Type } = asn1;

export interface KeyAndCertificate {
  /** PEM, PKCS #8. */
  readonly key: string;
  /** PEM. */
  readonly certificate: string;
}

const binary = (bytes: Buffer): string => bytes.toString("binary");
const der = (node: forge.asn1.Asn1): Buffer => Buffer.from(asn1.toDer(node).getBytes(), "binary");
const sequence = (...parts: forge.asn1.Asn1[]): forge.asn1.Asn1 =>
  asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, parts);
const oid = (id: string): forge.asn1.Asn1 =>
  asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(id).getBytes());
const octets = (bytes: Buffer): forge.asn1.Asn1 => asn1.create(Class.UNIVERSAL, Type.OCTETSTRING, false, binary(bytes));
const bits = (bytes: Buffer): forge.asn1.Asn1 =>
  asn1.create(Class.UNIVERSAL, Type.BITSTRING, false, binary(Buffer.concat([Buffer.of(0), bytes])));
// The typings know tags as universal types only; in the context-specific class a tag is any number.
const createTagged: (
  tagClass: forge.asn1.Class,
  tag: number,
  constructed: boolean,
  value: forge.asn1.Asn1[] | string,
) => forge.asn1.Asn1 = asn1.create;
const tagged = (tag: number, constructed: boolean, value: forge.asn1.Asn1[] | string): forge.asn1.Asn1 =>
  createTagged(Class.CONTEXT_SPECIFIC, tag, constructed, value);

const ecdsaWithSha256 = (): forge.asn1.Asn1 => sequence(oid("1.2.840.10045.4.3.2"));

function name(commonName: string): forge.asn1.Asn1 {
  const text = asn1.create(Class.UNIVERSAL, Type.UTF8, false, commonName);
  const attribute = sequence(oid("2.5.4.3"), text);
  return sequence(asn1.create(Class.UNIVERSAL, Type.SET, true, [attribute]));
}

const utcTime = (milliseconds: number): forge.asn1.Asn1 =>
  asn1.create(Class.UNIVERSAL, Type.UTCTIME, false, asn1.dateToUtcTime(new Date(milliseconds)) as string);

function validity(days: number): forge.asn1.Asn1 {
  const day = 24 * 60 * 60 * 1000;
  // Clocks that run a little behind accept it too.
  return sequence(utcTime(Date.now() - day), utcTime(Date.now() + days * day));
}

function extension(id: string, critical: boolean, value: forge.asn1.Asn1): forge.asn1.Asn1 {
  const flag = asn1.create(Class.UNIVERSAL, Type.BOOLEAN, false, "\xff");
  return sequence(oid(id), ...(critical ? [flag] : []), octets(der(value)));
}

const words = (text: string): readonly number[] =>
  text
    .split(":")
    .filter((part) => part !== "")
    .map((part) => Number.parseInt(part, 16));

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail = ""] = address.split("::");
  const left = words(head);
  const right = words(tail);
  const all = [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}

function alternativeNames(hosts: readonly string[]): forge.asn1.Asn1 {
  const names = hosts.map((host) =>
    isIP(host) === 0 ? tagged(2, false, host) : tagged(7, false, binary(addressBytes(host))),
  );
  return extension("2.5.29.17", false, sequence(...names));
}

interface Request {
  readonly commonName: string;
  /** Names and addresses; an authority has none. */
  readonly hosts: readonly string[];
  readonly days: number;
}

const keyId = (subjectPublicKey: Buffer): Buffer => createHash("sha1").update(subjectPublicKey).digest();

function publicKeyDer(keyPem: string): Buffer {
  return createPublicKey(createPrivateKey(keyPem)).export({ type: "spki", format: "der" });
}

function issue(request: Request, issuer: { commonName: string; key: string } | undefined): KeyAndCertificate {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const signer = issuer ?? { commonName: request.commonName, key };
  const publicKey = publicKeyDer(key);
  const isAuthority = issuer === undefined;
  // Bits 5 and 6 (keyCertSign, cRLSign) for an authority, bit 0 (digitalSignature) for a server.
  const usage = asn1.create(Class.UNIVERSAL, Type.BITSTRING, false, isAuthority ? "\x01\x06" : "\x07\x80");
  const authority = asn1.create(Class.UNIVERSAL, Type.BOOLEAN, false, "\xff");
  const extensions = [
    extension("2.5.29.19", true, sequence(...(isAuthority ? [authority] : []))),
    extension("2.5.29.15", true, usage),
    extension("2.5.29.14", false, octets(keyId(publicKey))),
    extension("2.5.29.35", false, sequence(tagged(0, false, binary(keyId(publicKeyDer(signer.key)))))),
    ...(isAuthority
      ? []
      : [extension("2.5.29.37", false, sequence(oid("1.3.6.1.5.5.7.3.1"))), alternativeNames(request.hosts)]),
  ];
  const serial = Buffer.concat([Buffer.of(1), randomBytes(15)]);
  const body = sequence(
    tagged(0, true, [asn1.create(Class.UNIVERSAL, Type.INTEGER, false, "\x02")]),
    asn1.create(Class.UNIVERSAL, Type.INTEGER, false, binary(serial)),
    ecdsaWithSha256(),
    name(signer.commonName),
    validity(request.days),
    name(request.commonName),
    asn1.fromDer(binary(publicKey)),
    tagged(3, true, [sequence(...extensions)]),
  );
  const signature = sign("sha256", der(body), signer.key);
  return { key, certificate: toPem(der(sequence(body, ecdsaWithSha256(), bits(signature)))) };
}

function toPem(bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

const authorityName = "weft-local-kubernetes-ca";
const days = 3650;

export function createAuthority(): KeyAndCertificate {
  return issue({ commonName: authorityName, hosts: [], days }, undefined);
}

/** @param hosts names and IP addresses that clients may connect to */
export function createServerCertificate(authority: KeyAndCertificate, hosts: readonly string[]): KeyAndCertificate {
  const request = { commonName: "kube-apiserver", hosts, days };
  return issue(request, { commonName: authorityName, key: authority.key });
}
