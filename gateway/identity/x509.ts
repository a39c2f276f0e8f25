import { createHash, type KeyObject, sign, X509Certificate } from "node:crypto";
import forge from "node-forge";
import type { Validity } from "../../shared/core/identity/renewal.ts";

/**
 * X.509 v3 certificates with P-256 keys. node-forge writes the DER and knows no elliptic curves, so keys and signatures are node:crypto's, and
 * the public key goes in as node:crypto encodes it (spec/azure.md §6.9).
 */
export interface CertificateContent {
  /** 16 random bytes. */
  readonly serial: Uint8Array;
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly validity: Validity;
  readonly use:
    | { readonly kind: "authority"; readonly pathLength: number }
    | { readonly kind: "workload"; readonly uris: readonly string[]; readonly dnsNames: readonly string[] };
}

export interface Issuer {
  readonly subject: string;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
}

/** PEM, signed with the issuer's key (ECDSA with SHA-256). */
export function makeCertificate(content: CertificateContent, issuer: Issuer): string {
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(positive(content.serial)),
    signatureAlgorithm(),
    distinguishedName(issuer.subject),
    sequence(time(content.validity.notBefore), time(content.validity.notAfter)),
    distinguishedName(content.subject),
    subjectPublicKeyInfo(content.publicKey),
    explicit(3, sequence(...extensions(content, issuer))),
  );
  const signature = sign("sha256", toBytes(body), issuer.key);
  const certificate = sequence(body, signatureAlgorithm(), bitString(signature));
  return toPem("CERTIFICATE", toBytes(certificate));
}

export function readValidity(certificate: string): Validity {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  return { notBefore: validFromDate.getTime(), notAfter: validToDate.getTime() };
}

/** The common name: what the names of an issuer are made of. */
export function readSubject(certificate: string): string {
  return /^CN=(.*)$/m.exec(new X509Certificate(certificate).subject)?.[1] ?? "";
}

function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

function extensions(content: CertificateContent, issuer: Issuer): forge.asn1.Asn1[] {
  const keyIds = [
    extension("2.5.29.14", octetString(keyIdentifier(content.publicKey))),
    extension("2.5.29.35", sequence(contextPrimitive(0, keyIdentifier(issuer.publicKey)))),
  ];
  const { use } = content;
  if (use.kind === "authority") {
    return [
      extension("2.5.29.19", sequence(boolean(true), integer(Buffer.from([use.pathLength]))), "critical"),
      extension("2.5.29.15", bitString(Buffer.from([keyCertSign | crlSign]), 1), "critical"),
      ...keyIds,
    ];
  }
  const names = [
    ...use.uris.map((uri) => contextPrimitive(6, Buffer.from(uri, "latin1"))),
    ...use.dnsNames.map((name) => contextPrimitive(2, Buffer.from(name, "latin1"))),
  ];
  return [
    extension("2.5.29.19", sequence(), "critical"),
    extension("2.5.29.15", bitString(Buffer.from([digitalSignature]), 7), "critical"),
    extension("2.5.29.37", sequence(objectId("1.3.6.1.5.5.7.3.1"), objectId("1.3.6.1.5.5.7.3.2"))),
    extension("2.5.29.17", sequence(...names)),
    ...keyIds,
  ];
}

/** Bits of KeyUsage, the first of a bit string being its highest. */
const digitalSignature = 0x80;
const keyCertSign = 0x04;
const crlSign = 0x02;

/** sha-1 of the public key (RFC 5280 §4.2.1.2): an identifier, not a safeguard. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash("sha1")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest();
}

/** A positive INTEGER of at most 20 bytes, as RFC 5280 wants serials. */
function positive(serial: Uint8Array): Buffer {
  const bytes = Buffer.from(serial);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function subjectPublicKeyInfo(publicKey: KeyObject): forge.asn1.Asn1 {
  const der = publicKey.export({ type: "spki", format: "der" });
  return asn1.fromDer(forge.util.createBuffer(der.toString("binary")), { decodeBitStrings: false } as never);
}

const { asn1 } = forge;
const { UNIVERSAL, CONTEXT_SPECIFIC } = asn1.Class;

function sequence(...members: forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return asn1.create(UNIVERSAL, asn1.Type.SEQUENCE, true, members);
}

function primitive(type: forge.asn1.Type, bytes: Uint8Array): forge.asn1.Asn1 {
  return asn1.create(UNIVERSAL, type, false, Buffer.from(bytes).toString("binary"));
}

function integer(bytes: Uint8Array): forge.asn1.Asn1 {
  return primitive(asn1.Type.INTEGER, bytes);
}

function boolean(value: boolean): forge.asn1.Asn1 {
  return primitive(asn1.Type.BOOLEAN, Buffer.from([value ? 0xff : 0]));
}

function octetString(bytes: Uint8Array): forge.asn1.Asn1 {
  return primitive(asn1.Type.OCTETSTRING, bytes);
}

function bitString(bytes: Uint8Array, unusedBits = 0): forge.asn1.Asn1 {
  return primitive(asn1.Type.BITSTRING, Buffer.concat([Buffer.from([unusedBits]), bytes]));
}

function objectId(id: string): forge.asn1.Asn1 {
  return asn1.create(UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(id).getBytes());
}

function explicit(tag: number, member: forge.asn1.Asn1): forge.asn1.Asn1 {
  return asn1.create(CONTEXT_SPECIFIC, contextTag(tag), true, [member]);
}

function contextPrimitive(tag: number, bytes: Uint8Array): forge.asn1.Asn1 {
  return asn1.create(CONTEXT_SPECIFIC, contextTag(tag), false, Buffer.from(bytes).toString("binary"));
}

/** Tags of this class are numbers of the structure they are in; forge has names for the universal ones only. */
function contextTag(tag: number): forge.asn1.Type {
  return tag as unknown as forge.asn1.Type;
}

function extension(id: string, value: forge.asn1.Asn1, critical?: "critical"): forge.asn1.Asn1 {
  return sequence(objectId(id), ...(critical ? [boolean(true)] : []), octetString(toBytes(value)));
}

/** ecdsa-with-SHA256 */
function signatureAlgorithm(): forge.asn1.Asn1 {
  return sequence(objectId("1.2.840.10045.4.3.2"));
}

/** `O=Weft, CN=<subject>`. */
function distinguishedName(subject: string): forge.asn1.Asn1 {
  const part = (id: string, text: string): forge.asn1.Asn1 =>
    asn1.create(UNIVERSAL, asn1.Type.SET, true, [
      sequence(objectId(id), primitive(asn1.Type.UTF8, Buffer.from(text, "utf8"))),
    ]);
  return sequence(part("2.5.4.10", "Weft"), part("2.5.4.3", shortened(subject)));
}

/** A common name has at most 64 characters; nobody decides anything by it. */
function shortened(subject: string): string {
  return subject.length <= 64 ? subject : `${subject.slice(0, 61)}...`;
}

/** RFC 5280 §4.1.2.5: two-digit years until 2049. */
function time(milliseconds: number): forge.asn1.Asn1 {
  const date = new Date(milliseconds);
  if (date.getUTCFullYear() < 2050) {
    return asn1.create(UNIVERSAL, asn1.Type.UTCTIME, false, asn1.dateToUtcTime(date));
  }
  return asn1.create(UNIVERSAL, asn1.Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date));
}

function toBytes(value: forge.asn1.Asn1): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), "binary");
}
