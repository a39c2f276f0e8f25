import type { Service } from "../../mesh/mesh.ts";
import type { Problem } from "../../mesh/problem.ts";
import type { ObjectKey } from "../../object.ts";
import { effectUnknown } from "./problems.ts";
import type { Template } from "./schema.ts";

type KeyedTemplate = Template & { readonly key: ObjectKey };

/** Which policies concern this part of the mesh? */
export function templatesFor(service: Service, policies: readonly KeyedTemplate[]): readonly KeyedTemplate[] {
  return policies.filter(({ key, spec }) => key.namespace === service.namespace && spec.service === service.name);
}

/** The part of the mesh with the policy in it: a new value, made of the mesh's own nouns. This one does nothing, and says when more was asked for. */
export function applyTemplate(
  service: Service,
  policy: KeyedTemplate,
): { readonly service: Service; readonly problems: readonly Problem[] } {
  const { effect } = policy.spec;
  return { service, problems: effect === "none" ? [] : [effectUnknown(policy.key, effect)] };
}
