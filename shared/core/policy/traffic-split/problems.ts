import type { Protocol } from "../../mesh/mesh.ts";
import type { Problem } from "../../mesh/problem.ts";
import { type ObjectKey, objectKeyText } from "../../object.ts";

export function rootNotFound(object: ObjectKey, root: string): Problem {
  return {
    code: "split-root-not-found",
    object,
    message: `spec.service names '${root}', which is not a Service with addresses in '${object.namespace}'`,
  };
}

export function splitConflict(object: ObjectKey, root: string, winner: ObjectKey): Problem {
  return {
    code: "split-conflict",
    object,
    message: `the Service '${root}' is already split by the older ${objectKeyText(winner)}`,
  };
}

export function backendNotFound(object: ObjectKey, backend: string): Problem {
  return {
    code: "backend-not-found",
    object,
    message: `spec.backends names '${backend}', which is not a Service in '${object.namespace}'`,
  };
}

export function backendPortMissing(object: ObjectKey, backend: string, port: number): Problem {
  return {
    code: "backend-port-missing",
    object,
    message: `the backend '${backend}' has no port ${port}, which the root Service has`,
  };
}

export function backendProtocolDiffers(
  object: ObjectKey,
  backend: { readonly service: string; readonly port: number; readonly protocol: Protocol },
  root: Protocol,
): Problem {
  return {
    code: "backend-protocol-differs",
    object,
    message: `port ${backend.port} of the backend '${backend.service}' speaks ${backend.protocol}, that of the root Service ${root}`,
  };
}

export function backendWeightInvalid(object: ObjectKey, backend: string, weight: number, most: number): Problem {
  return {
    code: "backend-weight-invalid",
    object,
    message: `the weight ${weight} of the backend '${backend}' is not a whole number from 0 to ${most}`,
  };
}

export function weightsZero(object: ObjectKey): Problem {
  return { code: "split-weights-zero", object, message: "no backend in spec.backends has a weight above 0" };
}

export function noBackendLeft(object: ObjectKey, port: number): Problem {
  return {
    code: "split-weights-zero",
    object,
    message: `no backend with a weight above 0 can take the traffic of port ${port}`,
  };
}

export function selfBackend(object: ObjectKey, root: string): Problem {
  return { code: "split-self-backend", object, message: `spec.backends names the root Service '${root}'` };
}

export function matchesOnTcp(object: ObjectKey, port: number): Problem {
  return {
    code: "split-matches-on-tcp",
    object,
    message: `spec.matches cannot apply to port ${port}, which is a TCP port`,
  };
}

export function matchKindUnsupported(object: ObjectKey, index: number, kind: string): Problem {
  return {
    code: "route-kind-unsupported",
    object,
    message: `spec.matches[${index}].kind is '${kind}', not HTTPRouteGroup`,
  };
}

export function matchGroupNotFound(object: ObjectKey, index: number, name: string): Problem {
  return {
    code: "route-group-not-found",
    object,
    message: `spec.matches[${index}] names the HTTPRouteGroup '${name}', which does not exist in '${object.namespace}' or cannot be read`,
  };
}
