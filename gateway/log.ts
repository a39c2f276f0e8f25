import pino from "pino";

export interface GatewayLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** Lines of JSON on standard error; standard output belongs to what a person or a script asked for. */
export function createLog(): GatewayLog {
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
}
