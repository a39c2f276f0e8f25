import { badRequest, type CosmosError } from "../store/cosmos-error.ts";

/** The text of a query that cannot be read, or that asks for what this server does not do. */
export function syntaxError(near: string, at: number): CosmosError {
  return badRequest(
    JSON.stringify({
      errors: [
        {
          severity: "Error",
          location: { start: at, end: at + near.length },
          code: "SC1001",
          message:
            near === ""
              ? "Syntax error, unexpected end of the query."
              : `Syntax error, incorrect syntax near '${near}'.`,
        },
      ],
    }),
  );
}
