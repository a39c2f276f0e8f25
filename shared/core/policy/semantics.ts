/**
 * How to read what SMI leaves open: as OSM read it, so that policy does not change its meaning by moving over, or by the
 * letter of SMI's text (design.md §2; smi-and-gateway-api.md §1.8 rows 2, 3 and 7).
 */
export type SmiSemantics = "osm" | "spec";
