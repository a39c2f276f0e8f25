/** What a refusal says beside its status and message. */
export interface RefusalDetails {
  /** Goes into the header `x-ms-substatus`. */
  readonly substatus?: number;
  /** Milliseconds; goes into the header `x-ms-retry-after-ms`. */
  readonly retryAfter?: number;
  /** Goes into the body: for a query that the client must put together, its plan. */
  readonly additionalErrorInfo?: string;
}

/** The `code` in the body of a refusal. The service names some statuses by their number. */
const codes: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  408: "RequestTimeout",
  409: "Conflict",
  410: "Gone",
  412: "PreconditionFailed",
  413: "RequestEntityTooLarge",
  424: "FailedDependency",
  500: "InternalServerError",
  503: "ServiceUnavailable",
};

/**
 * A request that the service refuses. This file is the only place that knows status, code and sub-status of each
 * refusal; `code` and `message` go into the body.
 */
export class CosmosError extends Error {
  readonly status: number;
  readonly code: string;
  readonly substatus: number | undefined;
  readonly retryAfter: number | undefined;
  readonly additionalErrorInfo: string | undefined;

  constructor(status: number, message: string, details: RefusalDetails = {}) {
    super(message);
    this.name = "CosmosError";
    this.status = status;
    this.code = codes[status] ?? String(status);
    this.substatus = details.substatus;
    this.retryAfter = details.retryAfter;
    this.additionalErrorInfo = details.additionalErrorInfo;
  }
}

export function badRequest(message: string, substatus?: number): CosmosError {
  return new CosmosError(400, message, substatus === undefined ? {} : { substatus });
}

export function unauthorized(message: string): CosmosError {
  return new CosmosError(401, message);
}

export function forbidden(message: string, substatus?: number): CosmosError {
  return new CosmosError(403, message, substatus === undefined ? {} : { substatus });
}

/** The items of one partition key have reached the limit; deletes still pass. */
export function partitionFull(): CosmosError {
  return forbidden(
    "Partition key reached maximum size of 20 GB. Learn more: https://aka.ms/CosmosDB/sql/errors/full-pk",
    1014,
  );
}

export function notFound(): CosmosError {
  return new CosmosError(404, "Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found");
}

/** The container or database of an item is not there: not the same as a missing item. */
export function ownerNotFound(): CosmosError {
  return new CosmosError(404, "Owner resource does not exist", { substatus: 1003 });
}

/** No replica has caught up with the session that the client shows. */
export function sessionNotAvailable(): CosmosError {
  return new CosmosError(404, "The read session is not available for the input session token.", { substatus: 1002 });
}

export function methodNotAllowed(method: string): CosmosError {
  return new CosmosError(405, `The requested verb ${method} is not supported on this resource.`);
}

export function conflict(): CosmosError {
  return new CosmosError(409, "Resource with specified id or name already exists.");
}

export function uniqueKeyConflict(): CosmosError {
  return new CosmosError(409, "Unique index constraint violation.");
}

/** The partition key range does not exist: split, merged, or of another container. */
export function rangeGone(id: string): CosmosError {
  return new CosmosError(410, `The requested partition key range '${id}' is gone.`, { substatus: 1002 });
}

export function preconditionFailed(): CosmosError {
  return new CosmosError(412, "Operation cannot be performed because one of the specified precondition is not met.");
}

export function tooLarge(): CosmosError {
  return new CosmosError(413, "Request size is too large.");
}

/** An operation of a transactional batch that was not done because another one failed. */
export function failedDependency(): CosmosError {
  return new CosmosError(424, "Another operation of the batch failed.");
}

/** The provisioned request units of this second are used up. @param retryAfter milliseconds */
export function tooManyRequests(retryAfter: number): CosmosError {
  const text =
    "Request rate is large. More Request Units may be needed, so no changes were made. Please retry this request later. Learn more: http://aka.ms/cosmosdb-error-429";
  return new CosmosError(429, text, { substatus: 3200, retryAfter });
}

export function internalError(message: string): CosmosError {
  return new CosmosError(500, message);
}
