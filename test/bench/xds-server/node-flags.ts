/** With which the gateway runs: much is read and written, little of it lives on. */
export const gatewayNodeFlags: readonly string[] = ["--max-semi-space-size=2"];
