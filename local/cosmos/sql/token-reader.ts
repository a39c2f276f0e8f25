import type { CosmosError } from "../store/cosmos-error.ts";
import { syntaxError } from "./syntax-error.ts";
import type { Token } from "./tokenizer.ts";

/** Reads tokens one after the other. Keywords are compared without case; `take…` says whether it was there. */
export interface TokenReader {
  /** The name that stands for the document. */
  readonly alias: string;
  peek(): Token;
  take(): Token;
  takeWord(keyword: string): boolean;
  takeSymbol(...symbols: readonly string[]): string | undefined;
  takeName(): string;
  expectWord(keyword: string): void;
  expectSymbol(symbol: string): void;
  expectEnd(): void;
  unexpected(token?: Token): CosmosError;
}

export function createTokenReader(tokens: readonly Token[], alias: string): TokenReader {
  let next = 0;
  const end: Token = { kind: "end", text: "", at: 0 };
  const peek = (): Token => tokens[next] ?? tokens.at(-1) ?? end;
  const take = (): Token => {
    const token = peek();
    next += 1;
    return token;
  };
  const unexpected = (token = peek()): CosmosError => syntaxError(token.text, token.at);
  const takeWord = (keyword: string): boolean => {
    const token = peek();
    if (token.kind !== "word" || token.text.toUpperCase() !== keyword) return false;
    next += 1;
    return true;
  };
  const takeSymbol = (...symbols: readonly string[]): string | undefined => {
    const token = peek();
    if (token.kind !== "symbol" || !symbols.includes(token.text)) return undefined;
    next += 1;
    return token.text;
  };
  return {
    alias,
    peek,
    take,
    takeWord,
    takeSymbol,
    takeName() {
      const token = take();
      if (token.kind !== "word") throw unexpected(token);
      return token.text;
    },
    expectWord(keyword) {
      if (!takeWord(keyword)) throw unexpected();
    },
    expectSymbol(symbol) {
      if (takeSymbol(symbol) === undefined) throw unexpected();
    },
    expectEnd() {
      if (peek().kind !== "end") throw unexpected();
    },
    unexpected,
  };
}
