/** What the API answers when it refuses: Kubernetes' `Status`, with the code, reason and texts that clients know. */

/** One thing wrong with an object. `type` is a `metav1.CauseType`, `detail` goes behind the field's path. */
export interface Fault {
  readonly field: string;
  readonly type:
    | "FieldValueRequired"
    | "FieldValueInvalid"
    | "FieldValueNotSupported"
    | "FieldValueTypeInvalid"
    | "FieldValueForbidden"
    | "FieldValueDuplicate"
    | "FieldValueTooLong"
    | "FieldValueTooMany";
  readonly detail: string;
}

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Readonly<Record<string, never>>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

interface ResourceName {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

/** A refusal, thrown inside the server and answered as its `status`. */
export class ApiError extends Error {
  readonly status: Status;

  constructor(failure: { code: number; reason: string; message: string; details?: StatusDetails }) {
    super(failure.message);
    this.status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", ...failure };
  }
}

const qualified = ({ group, plural }: ResourceName): string => (group === "" ? plural : `${plural}.${group}`);

const about = (resource: ResourceName, name: string): StatusDetails => ({
  name,
  ...(resource.group === "" ? {} : { group: resource.group }),
  kind: resource.plural,
});

export function notFound(resource: ResourceName, name: string): ApiError {
  const message = `${qualified(resource)} "${name}" not found`;
  return new ApiError({ code: 404, reason: "NotFound", message, details: about(resource, name) });
}

/** No such path: the answer that makes kubectl say "the server doesn't have a resource type". */
export function noSuchPath(): ApiError {
  return new ApiError({
    code: 404,
    reason: "NotFound",
    message: "the server could not find the requested resource",
    details: {},
  });
}

export function alreadyExists(resource: ResourceName, name: string): ApiError {
  const message = `${qualified(resource)} "${name}" already exists`;
  return new ApiError({ code: 409, reason: "AlreadyExists", message, details: about(resource, name) });
}

export function conflict(resource: ResourceName, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new ApiError({ code: 409, reason: "Conflict", message, details: about(resource, name) });
}

export const modifiedSince =
  "the object has been modified; please apply your changes to the latest version and try again";

export function forbidden(resource: ResourceName, name: string, why: string, cause?: StatusCause): ApiError {
  const details = cause === undefined ? about(resource, name) : { ...about(resource, name), causes: [cause] };
  const message = `${qualified(resource)} "${name}" is forbidden: ${why}`;
  return new ApiError({ code: 403, reason: "Forbidden", message, details });
}

export function badRequest(message: string): ApiError {
  return new ApiError({ code: 400, reason: "BadRequest", message });
}

/** The object cannot be taken: every fault is a cause of its own. */
export function invalid(resource: ResourceName, name: string, faults: readonly Fault[]): ApiError {
  const causes = faults.map(({ field, type, detail }) => ({ reason: type, message: detail, field }));
  const lines = faults.map(({ field, detail }) => `${field}: ${detail}`);
  const whole = lines.length === 1 ? lines.join("") : `[${lines.join(", ")}]`;
  const kind = resource.group === "" ? resource.kind : `${resource.kind}.${resource.group}`;
  return new ApiError({
    code: 422,
    reason: "Invalid",
    message: `${kind} "${name}" is invalid: ${whole}`,
    details: {
      ...(name === "" ? {} : { name }),
      ...(resource.group === "" ? {} : { group: resource.group }),
      kind: resource.kind,
      causes,
    },
  });
}

export function expired(message: string): ApiError {
  return new ApiError({ code: 410, reason: "Expired", message });
}

export function unauthorized(): ApiError {
  return new ApiError({ code: 401, reason: "Unauthorized", message: "Unauthorized" });
}

export function unsupportedMediaType(message: string): ApiError {
  return new ApiError({ code: 415, reason: "UnsupportedMediaType", message });
}

const timeout = "Timeout: request did not complete within requested timeout - context deadline exceeded";
const unavailabilities = {
  429: ["TooManyRequests", "the server has received too many requests and has asked us to try again later"],
  500: ["InternalError", "Internal error occurred: etcdserver: request timed out"],
  503: ["ServiceUnavailable", "the server is currently unable to handle the request"],
  504: ["Timeout", timeout],
} as const;

/** The words of the real one when etcd or its own limits are in the way. */
export function unavailable(code: keyof typeof unavailabilities, retryAfterSeconds?: number): ApiError {
  const [reason, message] = unavailabilities[code];
  const seconds = retryAfterSeconds ?? (code === 429 ? 1 : undefined);
  return new ApiError({
    code,
    reason,
    message,
    details: seconds === undefined ? {} : { retryAfterSeconds: seconds },
  });
}

export function methodNotAllowed(): ApiError {
  const message = "the server does not allow this method on the requested resource";
  return new ApiError({ code: 405, reason: "MethodNotAllowed", message, details: {} });
}

export function successStatus(details: StatusDetails): Status {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}
