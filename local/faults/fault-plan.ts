import { readFile } from "node:fs/promises";
import { z } from "zod";

/** What every stand-in's faults have: a name, and the operation that they befall. Further fields are the stand-in's. */
export interface FaultBase {
  readonly fault: string;
  readonly on: string;
}

/** One line of a plan: which operations a fault befalls. Without `at`, `rate` and `from` it befalls all that fit. */
export interface FaultRule<Fault extends FaultBase> {
  readonly fault: Fault;
  /** Occurrences, counted from 1 among the operations that fit. */
  readonly at?: readonly number[] | undefined;
  /** Share of the operations, 0 to 1. */
  readonly rate?: number | undefined;
  /** The first occurrence that it befalls. */
  readonly from?: number | undefined;
  /** The most operations that it befalls. */
  readonly limit?: number | undefined;
  /** What the operation's subject must say; empty fits every one. */
  readonly where: Readonly<Record<string, string>>;
}

export interface FaultPlan<Fault extends FaultBase> {
  readonly seed: number;
  readonly rules: readonly FaultRule<Fault>[];
}

/** `parseArgs` options of a stand-in's command. */
export const faultFlags = { faults: { type: "string" }, "control-port": { type: "string" } } as const;

const occurrence = z.number().int().min(1);

const ruleSchema = z.looseObject({
  at: z.array(occurrence).min(1).optional(),
  rate: z.number().min(0).max(1).optional(),
  from: occurrence.optional(),
  limit: occurrence.optional(),
  where: z.record(z.string(), z.string()).default({}),
});

const planSchema = z.strictObject({ seed: z.number().int().default(0), faults: z.array(ruleSchema) });

/**
 * Reads a plan. `schema` is the union of the faults that a stand-in knows, strict objects with `fault` and `on`.
 * @throws Error with every mistake named, in one line
 */
export function parseFaultPlan<Fault extends FaultBase>(text: string, schema: z.ZodType<Fault>): FaultPlan<Fault> {
  const plan = check(planSchema, parseJson(text), "faults");
  const rules = plan.faults.map(({ at, rate, from, limit, where, ...rest }, index) => ({
    fault: check(schema, rest, `faults.${index}`),
    at,
    rate,
    from,
    limit,
    where,
  }));
  return { seed: plan.seed, rules };
}

/** The value of `--faults`: JSON itself when it begins with a brace, or else the path of a file. Nothing is an empty plan. */
export async function readFaultPlan<Fault extends FaultBase>(
  flag: string | undefined,
  schema: z.ZodType<Fault>,
): Promise<FaultPlan<Fault>> {
  if (flag === undefined) return { seed: 0, rules: [] };
  if (flag.trimStart().startsWith("{")) return parseFaultPlan(flag, schema);
  try {
    return parseFaultPlan(await readFile(flag, "utf8"), schema);
  } catch (cause) {
    throw new Error(`${flag}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** One fault without a rule around it. @throws Error with every mistake named */
export function parseFault<Fault extends FaultBase>(text: string, schema: z.ZodType<Fault>): Fault {
  return check(schema, parseJson(text), "fault");
}

/** A port number from a flag, 0 for any; undefined when the flag was not given. @throws Error in one line */
export function parseControlPort(flag: string | undefined): number | undefined {
  if (flag === undefined) return undefined;
  const port = Number(flag);
  if (!/^\d+$/.test(flag) || port > 65_535) throw new Error(`--control-port ${flag} is not a port number`);
  return port;
}

function check<Value>(schema: z.ZodType<Value>, value: unknown, place: string): Value {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(
    parsed.error.issues.map(({ path, message }) => `${[place, ...path].join(".")}: ${message}`).join("; "),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error("faults are not JSON", { cause });
  }
}
