/** What derivations are made of: a value, what it was made of, and who read it. */
export interface Cell {
  readonly key: string;
  /** Where it is found as long as somebody reads it, or it is a source with a value. */
  readonly home: Map<string, Cell>;
  /** Absent for sources, whose values are put: values from outside, and places. */
  readonly family: Family | undefined;
  value: unknown;
  state: typeof fresh | typeof unsure | typeof stale;
  sources: readonly Cell[];
  /** Most cells have one reader, nearly all have a few: none of these needs a Set. */
  observer: Cell | undefined;
  others: Cell[] | Set<Cell> | undefined;
  keepers: readonly Keeper[];
}

/** Cells that are computed alike. */
export interface Family {
  readonly cells: Map<string, Cell>;
  readonly compute: (key: string) => unknown;
  readonly same: (before: unknown, after: unknown) => boolean;
  readonly changed:
    | ((change: { readonly key: string; readonly before: unknown; readonly after: unknown }) => void)
    | undefined;
}

/** Somebody who wants a family's values for all keys of an input, and is told of each that may have changed. */
export interface Keeper {
  readonly family: Family;
  /** May name a cell twice, or one that is not kept any more. */
  readonly queue: Cell[];
  readonly take: (key: string, value: unknown) => void;
}

const fresh = 0;
const unsure = 1;
const stale = 2;

const none: readonly never[] = [];
/** Up to so many readers a list is cheaper than a Set. */
const few = 8;

function newCell(key: string, home: Map<string, Cell>, family?: Family): Cell {
  const state = family === undefined ? fresh : stale;
  const cell: Cell = {
    key,
    home,
    family,
    value: undefined,
    state,
    sources: none,
    observer: undefined,
    others: undefined,
    keepers: none,
  };
  home.set(key, cell);
  return cell;
}

export function sourceIn(home: Map<string, Cell>, key: string): Cell {
  return home.get(key) ?? newCell(key, home);
}

export function cellIn(family: Family, key: string): Cell {
  return family.cells.get(key) ?? newCell(key, family.cells, family);
}

/** False: it was one already. */
function addObserver(cell: Cell, observer: Cell): boolean {
  const { others } = cell;
  if (cell.observer === observer) return false;
  if (others === undefined) {
    if (cell.observer === undefined) cell.observer = observer;
    else cell.others = [observer];
    return true;
  }
  if (others instanceof Set) {
    const before = others.size;
    return others.add(observer).size > before;
  }
  if (others.includes(observer)) return false;
  if (others.length < few) others.push(observer);
  else cell.others = new Set([...others, observer]);
  return true;
}

function removeObserver(cell: Cell, observer: Cell): void {
  const { others } = cell;
  if (cell.observer === observer) cell.observer = undefined;
  else if (others instanceof Set) others.delete(observer);
  else if (others?.includes(observer) === true) others.splice(others.indexOf(observer), 1);
}

function isObserved({ observer, others }: Cell): boolean {
  if (observer !== undefined || others === undefined) return observer !== undefined;
  return (others instanceof Set ? others.size : others.length) > 0;
}

function mark(cell: Cell, state: typeof unsure | typeof stale): void {
  if (cell.state >= state) return;
  const wasFresh = cell.state === fresh;
  cell.state = state;
  if (!wasFresh) return;
  for (const keeper of cell.keepers) keeper.queue.push(cell);
  markObservers(cell, unsure);
}

function markObservers({ observer, others }: Cell, state: typeof unsure | typeof stale): void {
  if (observer !== undefined) mark(observer, state);
  if (others !== undefined) for (const other of others) mark(other, state);
}

/** Whoever read the cell has to be computed again. */
export function changed(cell: Cell): void {
  markObservers(cell, stale);
}

export type Cells = ReturnType<typeof createCells>;

/** The cells of one lot of derivations: who reads what while it is computed, what is out of date, what nobody reads any more. */
export function createCells() {
  const unread = new Set<Cell>();
  let reader: Cell | undefined;
  /** What is read by those that are being computed: the innermost one's last. */
  const reads: Cell[] = [];

  const forgetSources = (cell: Cell): void => {
    for (const source of cell.sources) {
      removeObserver(source, cell);
      if (!isObserved(source)) unread.add(source);
    }
    cell.sources = none;
  };

  const compute = (cell: Cell, family: Family): void => {
    forgetSources(cell);
    const outer = reader;
    const first = reads.length;
    reader = cell;
    const value = family.compute(cell.key);
    reader = outer;
    cell.sources = reads.slice(first);
    reads.length = first;
    cell.state = fresh;
    const before = cell.value;
    if (before === value || (before !== undefined && value !== undefined && family.same(before, value))) return;
    cell.value = value;
    changed(cell);
    family.changed?.({ key: cell.key, before, after: value });
  };

  const refresh = (cell: Cell): void => {
    if (cell.state === fresh || cell.family === undefined) return;
    if (cell.state === unsure && !cell.sources.some((source) => isChanged(cell, source))) cell.state = fresh;
    else compute(cell, cell.family);
  };

  /** A source that comes out different marks the cell. */
  const isChanged = (cell: Cell, source: Cell): boolean => {
    refresh(source);
    return cell.state === stale;
  };

  const drop = (cell: Cell): void => {
    const isSet = cell.family === undefined && cell.value !== undefined;
    if (isSet || isObserved(cell) || cell.keepers.length > 0) return;
    cell.home.delete(cell.key);
    forgetSources(cell);
    if (cell.value !== undefined) cell.family?.changed?.({ key: cell.key, before: cell.value, after: undefined });
  };

  return {
    refresh,

    isReading: () => reader !== undefined,

    /** What is being computed, if anything is, depends on the cell. */
    observe(cell: Cell): void {
      if (reader !== undefined && addObserver(cell, reader)) reads.push(cell);
    },

    attach(keeper: Keeper, key: string): void {
      const cell = cellIn(keeper.family, key);
      cell.keepers = [...cell.keepers, keeper];
      keeper.queue.push(cell);
    },

    detach(keeper: Keeper, key: string): void {
      const cell = cellIn(keeper.family, key);
      cell.keepers = cell.keepers.filter((other) => other !== keeper);
      keeper.take(key, undefined);
      unread.add(cell);
    },

    /** A source that lost its value is nothing that anybody needs to find, unless somebody reads it. */
    emptied(cell: Cell): void {
      unread.add(cell);
    },

    /** Forgets what nobody reads or keeps. */
    dropUnread(): void {
      for (const cell of unread) {
        unread.delete(cell);
        drop(cell);
      }
    },
  };
}
