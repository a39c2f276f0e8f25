/** What form of an answer a client wants. */
import { ApiError } from "../api-error.ts";

export type Form = "object" | "table" | "partial-metadata" | "aggregated-discovery";

export interface Wanted {
  readonly form: Form;
  /** The Content-Type to answer with. */
  readonly contentType: string;
}

interface MediaType {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

function parse(text: string): MediaType {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim());
  return {
    type,
    parameters: new Map(
      parameters.map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)]),
    ),
  };
}

const jsonTypes = ["application/json", "application/*", "*/*", ""];

function formOf({ type, parameters }: MediaType, offered: readonly Form[]): Wanted | undefined {
  if (!jsonTypes.includes(type)) return undefined;
  const as = parameters.get("as");
  const group = parameters.get("g");
  const version = parameters.get("v");
  if (as === undefined) return { form: "object", contentType: "application/json" };
  const forms: Readonly<Record<string, Form>> = {
    "meta.k8s.io/v1/Table": "table",
    "meta.k8s.io/v1/PartialObjectMetadata": "partial-metadata",
    "meta.k8s.io/v1/PartialObjectMetadataList": "partial-metadata",
    "apidiscovery.k8s.io/v2/APIGroupDiscoveryList": "aggregated-discovery",
  };
  const form = forms[`${group}/${version}/${as}`];
  if (form === undefined || !offered.includes(form)) return undefined;
  const suffix = form === "aggregated-discovery" ? `;g=${group};v=${version};as=${as}` : "";
  return { form, contentType: `application/json${suffix}` };
}

/** The first form in an Accept header that is offered; JSON objects are always. Throws NotAcceptable. */
export function negotiate(accept: string | undefined, offered: readonly Form[]): Wanted {
  for (const text of (accept ?? "*/*").split(",")) {
    const wanted = formOf(parse(text), offered);
    if (wanted !== undefined) return wanted;
  }
  const message = "only the following media types are accepted: application/json";
  throw new ApiError({ code: 406, reason: "NotAcceptable", message });
}
