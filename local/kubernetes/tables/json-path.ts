/** The JSONPath subset that printer columns and selectable fields use: keys, indexes, `*`, and `[?(@.a=="b")]`. */
import { at, isRecord } from "../json.ts";

type Step = (value: unknown) => readonly unknown[];

const key =
  (name: string): Step =>
  (value) =>
    isRecord(value) && name in value ? [value[name]] : [];

const everyItem: Step = (value) => {
  if (Array.isArray(value)) return value;
  return isRecord(value) ? Object.values(value) : [];
};

const filter =
  (path: readonly string[], operator: string, wanted: string): Step =>
  (value) =>
    Array.isArray(value) ? value.filter((item) => (String(at(item, ...path)) === wanted) === (operator === "==")) : [];

const index =
  (position: number): Step =>
  (value) =>
    Array.isArray(value) && value.length > position ? [value.at(position)] : [];

const forms: readonly (readonly [RegExp, (match: RegExpExecArray) => Step])[] = [
  [
    /^\.?\[\?\(@\.([\w.-]+)\s*(==|!=)\s*["']?([^"')]*)["']?\)\]/,
    (m) => filter((m[1] ?? "").split("."), m[2] ?? "", m[3] ?? ""),
  ],
  [/^\.?\[\*\]|^\.\*/, () => everyItem],
  [/^\.?\[(-?\d+)\]/, (m) => index(Number(m[1]))],
  [/^\.?\[['"]([^'"]+)['"]\]/, (m) => key(m[1] ?? "")],
  [/^\.((?:\\.|[^.[\\])+)/, (m) => key((m[1] ?? "").replaceAll("\\", ""))],
];

/** Compiles ".spec.backends[*].service"; throws an Error for a path outside the subset. */
export function compileJsonPath(path: string): (value: unknown) => readonly unknown[] {
  const steps: Step[] = [];
  let rest = path.replace(/^\{(.*)\}$/, "$1").replace(/^\$/, "");
  while (rest !== "" && rest !== ".") {
    const found = forms.map(([form, build]) => ({ match: form.exec(rest), build })).find(({ match }) => match !== null);
    if (found?.match === undefined || found.match === null)
      throw new Error(`${path} is not a JSONPath that is understood`);
    steps.push(found.build(found.match));
    rest = rest.slice(found.match[0].length);
  }
  return (value) => steps.reduce<readonly unknown[]>((values, step) => values.flatMap(step), [value]);
}
