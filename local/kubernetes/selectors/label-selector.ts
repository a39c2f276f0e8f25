/** Label selectors, as the query parameter `labelSelector` and as a Service's map. */
import { badRequest } from "../api-error.ts";

export type Labels = Readonly<Record<string, string>>;
export type LabelSelector = (labels: Labels) => boolean;

interface Requirement {
  readonly key: string;
  readonly operator: "in" | "notin" | "exists" | "!exists" | "gt" | "lt";
  readonly values: readonly string[];
}

const setForm = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/;
const equalityForm = /^([^=!<>\s]+)\s*(==|=|!=|>|<)\s*([^=!<>\s]*)$/;
const existsForm = /^(!?)\s*([A-Za-z0-9./_-]+)$/;

function parseRequirement(text: string): Requirement {
  const set = setForm.exec(text);
  if (set?.[1] !== undefined && set[3] !== undefined) {
    const values = set[3].split(",").map((value) => value.trim());
    return { key: set[1], operator: set[2] === "in" ? "in" : "notin", values };
  }
  const equality = equalityForm.exec(text);
  if (equality?.[1] !== undefined && equality[3] !== undefined) {
    const operator = ({ "!=": "notin", ">": "gt", "<": "lt" } as const)[equality[2] ?? ""] ?? "in";
    return { key: equality[1], operator, values: [equality[3]] };
  }
  const exists = existsForm.exec(text);
  if (exists?.[2] !== undefined) {
    return { key: exists[2], operator: exists[1] === "!" ? "!exists" : "exists", values: [] };
  }
  throw badRequest(`unable to parse requirement: ${JSON.stringify(text)} is not a label selector`);
}

function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case "exists":
      return value !== undefined;
    case "!exists":
      return value === undefined;
    case "in":
      return value !== undefined && values.includes(value);
    case "notin":
      return value === undefined || !values.includes(value);
    case "gt":
      return value !== undefined && Number(value) > Number(values[0]);
    case "lt":
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return operator satisfies never;
  }
}

/** Parses "app=cart,tier in (a, b),!old"; an empty text selects everything. Throws BadRequest on a fault. */
export function parseLabelSelector(text: string): LabelSelector {
  const parts = text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const requirements = parts.map(parseRequirement);
  return (labels) => requirements.every((requirement) => holds(requirement, labels));
}

/** Whether the labels hold every pair of the map. An empty map matches everything. */
export function matchesLabels(wanted: Labels, labels: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}
