import { type Token, tokenize } from "./tokenizer.ts";

/** The texts of a query's clauses, as they were written. */
export interface QueryClauses {
  /** What is selected, without TOP and VALUE. */
  readonly selected: string;
  /** The fields of what is selected, without their names. */
  readonly fields: readonly string[];
  readonly from: string;
  readonly where: string | undefined;
  /** The whole ORDER BY, and each expression of it without its direction. */
  readonly ordering: string;
  readonly orderBy: readonly string[];
}

const keywords = ["SELECT", "FROM", "WHERE", "ORDER", "OFFSET"] as const;

type Keyword = (typeof keywords)[number];

/** Cuts the text of a query that has been parsed into its clauses. */
export function splitClauses(text: string): QueryClauses {
  const parts = partsOf(tokenize(text));
  const textOf = (tokens: readonly Token[] = []): string => {
    const [first, last] = [tokens[0], tokens.at(-1)];
    return first === undefined || last === undefined ? "" : text.slice(first.at, last.at + last.text.length);
  };
  const selected = withoutPrefix(parts.get("SELECT") ?? []);
  const ordering = (parts.get("ORDER") ?? []).slice(1);
  const where = parts.get("WHERE");
  return {
    selected: textOf(selected),
    fields: splitList(selected).map((field) => textOf(without(field, isName))),
    from: textOf(parts.get("FROM")),
    where: where === undefined ? undefined : textOf(where),
    ordering: textOf(ordering),
    orderBy: splitList(ordering).map((order) => textOf(without(order, isDirection))),
  };
}

/** The tokens after each keyword that stands outside of all brackets. */
function partsOf(tokens: readonly Token[]): ReadonlyMap<Keyword, readonly Token[]> {
  const parts = new Map<Keyword, Token[]>();
  let current: Token[] = [];
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    depth += depthOf(token);
    const keyword = keywords.find((word) => isWord(token, word));
    if (keyword !== undefined && depth === 0 && tokens[index - 1]?.text !== ".") {
      current = [];
      parts.set(keyword, current);
    } else if (token.kind !== "end") current.push(token);
  }
  return parts;
}

function splitList(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const list: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    depth += depthOf(token);
    if (depth === 0 && token.text === "," && token.kind === "symbol") list.push([]);
    else list.at(-1)?.push(token);
  }
  return list;
}

/** Leaves out `TOP n` and `VALUE`. */
function withoutPrefix(tokens: readonly Token[]): readonly Token[] {
  const [first] = tokens;
  if (first !== undefined && isWord(first, "TOP")) return withoutPrefix(tokens.slice(2));
  return first !== undefined && isWord(first, "VALUE") ? tokens.slice(1) : tokens;
}

type Suffix = (tokens: readonly Token[]) => number;

function without(tokens: readonly Token[], suffix: Suffix): readonly Token[] {
  return tokens.slice(0, tokens.length - suffix(tokens));
}

const isName: Suffix = (tokens) => {
  const before = tokens.at(-2);
  return before !== undefined && isWord(before, "AS") ? 2 : 0;
};

const isDirection: Suffix = (tokens) => {
  const last = tokens.at(-1);
  return last !== undefined && tokens.at(-2)?.text !== "." && (isWord(last, "ASC") || isWord(last, "DESC")) ? 1 : 0;
};

function depthOf({ kind, text }: Token): number {
  if (kind !== "symbol") return 0;
  if ("([{".includes(text)) return 1;
  return ")]}".includes(text) ? -1 : 0;
}

function isWord(token: Token, word: string): boolean {
  return token.kind === "word" && token.text.toUpperCase() === word;
}
