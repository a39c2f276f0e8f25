import * as z from "zod";
import { absent } from "../fields.ts";

const method = z.enum(["*", "GET", "HEAD", "PUT", "POST", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]);

/** RFC 9110 token; `host` stands for Envoy's `:authority`. */
const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "is not the name of a header");

/** specs.smi-spec.io/v1alpha4, normalised: headers are a list of name and value. */
export const httpRouteGroupSchema = z.object({
  spec: z.object({
    matches: absent(
      z.array(
        z.object({
          name: z.string(),
          pathRegex: absent(z.string()),
          methods: absent(z.array(method)),
          headers: absent(z.array(z.object({ name: headerName, value: z.string() }))),
        }),
      ),
    ),
  }),
});

export type HttpRouteGroup = z.infer<typeof httpRouteGroupSchema>;
