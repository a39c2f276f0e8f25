/** Annotation of the publisher's Lease: the id of a local hold that a person agrees to. Every replica reads it. */
export const releaseAnnotation = "weft.dev/release-hold";
