/** An app of the bookstore: a column of the demo's table. */
export type AppName =
  | "bookbuyer"
  | "bookthief"
  | "bookstore-v1"
  | "bookstore-v2"
  | "bookwarehouse"
  | "mysql"
  | "outside";

export interface Column {
  readonly app: AppName;
  /** Of its pod, which is named as the app. */
  readonly namespace: string;
  /** For a narrow table. */
  readonly title: string;
}

export const columns: readonly Column[] = [
  { app: "bookbuyer", namespace: "bookbuyer", title: "buyer" },
  { app: "bookthief", namespace: "bookthief", title: "thief" },
  { app: "bookstore-v1", namespace: "bookstore", title: "store v1" },
  { app: "bookstore-v2", namespace: "bookstore", title: "store v2" },
  { app: "bookwarehouse", namespace: "bookwarehouse", title: "warehouse" },
  { app: "mysql", namespace: "bookwarehouse", title: "database" },
  { app: "outside", namespace: "outside", title: "outside" },
];

/** Those whose attempts everything else follows from: nobody restocks or writes unless one of them buys. */
export const meshClients: readonly AppName[] = ["bookbuyer", "bookthief"];
