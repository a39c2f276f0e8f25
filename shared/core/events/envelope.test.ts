import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { sealEnvelope, verifyEnvelope } from "./envelope.ts";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
const text = '{"a":"é \\ud800 \u2028"}';
const envelope = sealEnvelope(text, { kid: "k", privateKey });

test("sealEnvelope() signs the very characters, and keeps them through JSON", () => {
  assert.equal(envelope.event, text);
  assert.equal(verifyEnvelope(JSON.parse(JSON.stringify(envelope)), pem), true);
});

for (const [name, forged, key] of [
  ["another text", { ...envelope, event: `${text} ` }, pem],
  ["another signature", { ...envelope, signature: sealEnvelope("{}", { kid: "k", privateKey }).signature }, pem],
  ["no signature", { ...envelope, signature: "" }, pem],
  ["a signature that is none", { ...envelope, signature: "!!" }, pem],
  [
    "another key",
    envelope,
    generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }).toString(),
  ],
  [
    "a key of another kind",
    envelope,
    generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "pem" }).toString(),
  ],
  ["a key that is none", envelope, "not a key"],
] as const) {
  test(`verifyEnvelope() refuses ${name}`, () => {
    assert.equal(verifyEnvelope(forged, key), false);
  });
}
