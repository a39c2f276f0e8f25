import { createMemoryAuthorityStore } from "../../../gateway/identity/authority-fixture.ts";
import { createBuiltInAuthority } from "../../../gateway/identity/certificate-authority.ts";
import { startServerCertificate } from "../../../gateway/identity/server-certificate.ts";
import type { XdsServerCertificate } from "../../../gateway/xds/server.ts";
import { systemClock } from "../../../shared/shell/system-clock.ts";

/** A certificate as the gateway has it, of an authority that is forgotten with the run. */
export async function selfSigned(onFault: (error: unknown) => void): Promise<XdsServerCertificate> {
  const authority = await createBuiltInAuthority({
    clusterName: "bench",
    store: createMemoryAuthorityStore(),
    clock: systemClock,
  });
  using certificate = await startServerCertificate({
    authority,
    clock: systemClock,
    random: Math.random,
    dnsNames: ["localhost"],
    onRenewed: () => undefined,
    onFault,
  });
  return certificate.first;
}
