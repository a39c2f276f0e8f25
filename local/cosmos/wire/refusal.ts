import { randomUUID } from "node:crypto";
import { type CosmosError } from "../store/cosmos-error.ts";
import { refusedCharge } from "../store/request-units.ts";
import type { WireReply } from "./exchange.ts";

/** The only place where a refusal becomes a reply. */
export function toRefusal(refusal: CosmosError): WireReply {
  const { status, code, message, substatus, retryAfter, additionalErrorInfo } = refusal;
  const activityId = randomUUID();
  return {
    status,
    headers: {
      "x-ms-activity-id": activityId,
      "x-ms-request-charge": String(refusedCharge),
      ...(substatus === undefined ? {} : { "x-ms-substatus": String(substatus) }),
      ...(retryAfter === undefined ? {} : { "x-ms-retry-after-ms": String(retryAfter) }),
    },
    body: {
      code,
      message: `Message: ${JSON.stringify({ Errors: [message] })}\r\nActivityId: ${activityId}`,
      ...(additionalErrorInfo === undefined ? {} : { additionalErrorInfo }),
    },
  };
}
