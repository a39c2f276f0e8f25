import * as z from "zod";
import { absent, portNumber } from "../fields.ts";

/** specs.smi-spec.io/v1alpha4: `matches` is an object, not a list. */
export const tcpRouteSchema = z.object({
  spec: z.object({ matches: absent(z.object({ ports: absent(z.array(portNumber)) })) }),
});

export type TcpRoute = z.infer<typeof tcpRouteSchema>;
