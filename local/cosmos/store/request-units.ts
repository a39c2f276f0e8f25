/**
 * A simple model of request units (azure.md §6.4): a point read of 1 KB costs 1 and of 100 KB 10, an insert of 1 KB
 * without indexing 5.5, a replace about twice an insert. Good for budgets and comparisons, not for bills.
 */
export function readCharge(bytes: number): number {
  return round(1 + (Math.max(0, kilobytes(bytes) - 1) * 9) / 99);
}

export function insertCharge(bytes: number): number {
  return round(5.5 + Math.max(0, kilobytes(bytes) - 1) * 0.5);
}

export function replaceCharge(bytes: number): number {
  return round(insertCharge(bytes) * 2);
}

export function deleteCharge(bytes: number): number {
  return insertCharge(bytes);
}

/** @param bytes of all documents that had to be looked at */
export function queryCharge(bytes: number): number {
  return round(2.3 + kilobytes(bytes) * 0.1);
}

/** @param bytes of the documents returned; an empty poll costs 1 */
export function feedCharge(bytes: number): number {
  return round(1 + kilobytes(bytes) * 0.1);
}

/** What a refused or unchanged (304) request costs. */
export const refusedCharge = 1;

function kilobytes(bytes: number): number {
  return bytes / 1024;
}

function round(units: number): number {
  return Math.round(units * 100) / 100;
}
