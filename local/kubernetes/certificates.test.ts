import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { createAuthority, createServerCertificate } from "./certificates.ts";

describe("certificates", () => {
  it("are signed by the authority and name their hosts", () => {
    const authority = createAuthority();
    const server = createServerCertificate(authority, ["localhost", "127.0.0.1", "fd00::1", "kube.example"]);
    const root = new X509Certificate(authority.certificate);
    const leaf = new X509Certificate(server.certificate);
    assert.ok(root.ca);
    assert.ok(root.verify(root.publicKey));
    assert.ok(leaf.verify(root.publicKey));
    assert.ok(leaf.checkIssued(root));
    assert.ok(!leaf.ca);
    assert.equal(leaf.checkHost("kube.example"), "kube.example");
    assert.equal(leaf.checkIP("127.0.0.1"), "127.0.0.1");
    assert.equal(leaf.checkIP("fd00::1"), "fd00::1");
    assert.equal(leaf.checkIP("127.0.0.2"), undefined);
  });
});
