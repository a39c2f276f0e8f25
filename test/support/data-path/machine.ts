import process from "node:process";
import { setUp } from "../../../local/data-plane/setup.ts";

const found = await setUp({ environment: process.env, install: false, report: () => {} });

/** For `test`'s options: why real pods cannot run here, or false. */
export const skip: string | false = found.ok ? false : found.problems.join("; ");
