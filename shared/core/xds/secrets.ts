import { encode } from "./encode.ts";
import type { TrustSet } from "./fast-sets.ts";
import type { DataSource } from "./gen/envoy/config/core/v3/base.ts";
import {
  type SubjectAltNameMatcher,
  SubjectAltNameMatcher_SanType,
} from "./gen/envoy/extensions/transport_sockets/tls/v3/common.ts";
import { Secret } from "./gen/envoy/extensions/transport_sockets/tls/v3/secret.ts";
import { identityName } from "./names.ts";

/** In no certificate. An empty list of names would mean anyone (envoy.md §3). */
const impossibleName = { kind: "uri", name: "urn:weft:nobody" } as const;

/** The Secret `identity`: a key, and its certificate followed by those that lead to the root. Both PEM. */
export function encodeIdentitySecret(identity: {
  readonly certificateChain: string;
  readonly privateKey: string;
}): Uint8Array {
  return encode(Secret, {
    name: identityName,
    type: {
      $case: "tlsCertificate",
      value: { certificateChain: inline(identity.certificateChain), privateKey: inline(identity.privateKey) },
    },
  });
}

/** The validation context `name`: a peer must have a certificate of one of the roots (PEM, one after the other), with one of the names of the set. */
export function encodeTrustSecret(
  name: string,
  { roots, set }: { readonly roots: string; readonly set: TrustSet },
): Uint8Array {
  const names = set.names === "any" ? [] : set.names.length === 0 ? [impossibleName] : set.names;
  return encode(Secret, {
    name,
    type: {
      $case: "validationContext",
      value: { trustedCa: inline(roots), matchTypedSubjectAltNames: names.map(nameMatcher) },
    },
  });
}

function nameMatcher({ kind, name }: { readonly kind: "uri" | "dns"; readonly name: string }): SubjectAltNameMatcher {
  return {
    sanType: kind === "uri" ? SubjectAltNameMatcher_SanType.URI : SubjectAltNameMatcher_SanType.DNS,
    matcher: { matchPattern: { $case: "exact", value: name } },
  };
}

function inline(text: string): DataSource {
  return { specifier: { $case: "inlineString", value: text } };
}
