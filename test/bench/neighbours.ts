import type { MeshObject } from "../../shared/core/object.ts";
import { stateOf } from "../support/build.ts";
import { grantTo, neighbourServices } from "../support/neighbour-services.ts";

/** A cluster where each service may be called by its neighbour, and by nobody else. */
export function neighbours(services: number): readonly MeshObject[] {
  return stateOf(neighbourServices({ services, permissive: false }));
}

/** One of them is called by another neighbour instead. */
export function movedGrant(): readonly MeshObject[] {
  return stateOf([grantTo("s5", "s9")]);
}
