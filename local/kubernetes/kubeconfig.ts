/** The file that tells kubectl and client libraries where the server is and who they are. */
import { stringify } from "yaml";

export function kubeconfig(access: { url: string; caCertificate: string; token: string }): string {
  const name = "weft-local";
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name,
        cluster: {
          server: access.url,
          "certificate-authority-data": Buffer.from(access.caCertificate).toString("base64"),
        },
      },
    ],
    users: [{ name: `${name}-admin`, user: { token: access.token } }],
    contexts: [{ name, context: { cluster: name, user: `${name}-admin` } }],
    "current-context": name,
  });
}
