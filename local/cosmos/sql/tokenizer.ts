import { syntaxError } from "./syntax-error.ts";

export type Token =
  /** A name or keyword, as written. */
  | { readonly kind: "word"; readonly text: string; readonly at: number }
  | { readonly kind: "parameter"; readonly text: string; readonly at: number }
  | { readonly kind: "number"; readonly text: string; readonly value: number; readonly at: number }
  | { readonly kind: "string"; readonly text: string; readonly value: string; readonly at: number }
  | { readonly kind: "symbol"; readonly text: string; readonly at: number }
  | { readonly kind: "end"; readonly text: ""; readonly at: number };

const pattern =
  /\s+|--[^\n]*|([A-Za-z_][A-Za-z0-9_]*)|(@[A-Za-z0-9_]+)|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(!=|<>|<=|>=|[=<>()[\]{},.*:-])/y;

const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** Splits the text of a query; the last token is `end`. */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) throw syntaxError(text[at] ?? "", at);
    const [whole, word, parameter, number, string, symbol] = match;
    if (word !== undefined) tokens.push({ kind: "word", text: word, at });
    else if (parameter !== undefined) tokens.push({ kind: "parameter", text: parameter, at });
    else if (number !== undefined) tokens.push({ kind: "number", text: number, value: Number(number), at });
    else if (string !== undefined) tokens.push({ kind: "string", text: string, value: unquote(string), at });
    else if (symbol !== undefined) tokens.push({ kind: "symbol", text: symbol, at });
    at += whole.length;
  }
  tokens.push({ kind: "end", text: "", at });
  return tokens;
}

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, code?: string, character?: string) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    return escapes[character ?? ""] ?? character ?? "";
  });
}
