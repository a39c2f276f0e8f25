/** Kinds that are only asked, never stored: reviews of tokens and rights. */
import { defineKind } from "./define-kind.ts";
import type { Kind } from "./kind.ts";

function review(group: string, kind: string, plural: string): Kind {
  return defineKind({ group, kind, plural, clusterScoped: true, verbs: ["create"], columns: [] });
}

export const reviewKinds: readonly Kind[] = [
  review("authentication.k8s.io", "TokenReview", "tokenreviews"),
  review("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews"),
  review("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
  review("authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews"),
];
