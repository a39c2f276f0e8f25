/**
 * A request that the service refuses. The only place that knows status, code and sub-status of each refusal; `code` and
 * `message` go into the body, `substatus` into the header `x-ms-substatus`.
 */
export class CosmosError extends Error {
  readonly status: number;
  readonly code: string;
  readonly substatus: number | undefined;

  constructor(status: number, code: string, message: string, substatus?: number) {
    super(message);
    this.name = "CosmosError";
    this.status = status;
    this.code = code;
    this.substatus = substatus;
  }
}

export function badRequest(message: string, substatus?: number): CosmosError {
  return new CosmosError(400, "BadRequest", message, substatus);
}

export function unauthorized(message: string): CosmosError {
  return new CosmosError(401, "Unauthorized", message);
}

export function forbidden(message: string, substatus?: number): CosmosError {
  return new CosmosError(403, "Forbidden", message, substatus);
}

export function notFound(): CosmosError {
  return new CosmosError(404, "NotFound", "Resource Not Found.");
}

export function methodNotAllowed(method: string): CosmosError {
  return new CosmosError(405, "MethodNotAllowed", `The requested verb ${method} is not supported on this resource.`);
}

export function conflict(): CosmosError {
  return new CosmosError(409, "Conflict", "Resource with specified id or name already exists.");
}

export function uniqueKeyConflict(): CosmosError {
  return new CosmosError(409, "Conflict", "Unique index constraint violation.");
}

/** The partition key range does not exist: split, merged, or of another container. */
export function rangeGone(id: string): CosmosError {
  return new CosmosError(410, "Gone", `The requested partition key range '${id}' is gone.`, 1002);
}

export function preconditionFailed(): CosmosError {
  return new CosmosError(
    412,
    "PreconditionFailed",
    "Operation cannot be performed because one of the specified precondition is not met.",
  );
}

export function tooLarge(): CosmosError {
  return new CosmosError(413, "RequestEntityTooLarge", "Request size is too large.");
}

/** An operation of a transactional batch that was not done because another one failed. */
export function failedDependency(): CosmosError {
  return new CosmosError(424, "FailedDependency", "Another operation of the batch failed.");
}

export function internalError(message: string): CosmosError {
  return new CosmosError(500, "InternalServerError", message);
}
