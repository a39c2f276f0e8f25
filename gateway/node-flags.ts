/**
 * Flags of Node under the gateway. Its garbage is short-lived and small: a young generation of 2 MB a half costs nothing measurable, one of 16 MB (the
 * default) stays resident.
 */
export const nodeFlags: readonly string[] = ["--max-semi-space-size=2"];
