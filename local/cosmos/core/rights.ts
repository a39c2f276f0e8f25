import { CosmosError } from "../store/cosmos-error.ts";

/** Who asks. The holder of the key may do everything; an identity never makes or deletes databases and containers. */
export type Principal = { readonly kind: "key" } | { readonly kind: "identity"; readonly id: string };

/** What an identity may do with items, by the name of the service's own data action (after `…/items/`). */
export type ItemAction = "create" | "read" | "replace" | "upsert" | "delete" | "executeQuery" | "readChangeFeed";

/** One role of one identity, as the service's own role assignments (not Azure RBAC). */
export interface RoleAssignment {
  /** Object id of the identity: the `oid` of its tokens. */
  readonly principal: string;
  readonly role: "reader" | "contributor";
  /** `/` (the account), `/dbs/<database>` or `/dbs/<database>/colls/<container>`. */
  readonly scope: string;
}

export interface Rights {
  /** 403 when the identity may not do this with items of the container. */
  checkItems(principal: Principal, action: ItemAction, path: ContainerPath): void;
  /** 403 when the identity has no role at all. */
  checkMetadata(principal: Principal): void;
}

export interface ContainerPath {
  readonly database: string;
  readonly container: string;
}

const readActions: ReadonlySet<ItemAction> = new Set(["read", "executeQuery", "readChangeFeed"]);

/** @param assignments at any moment; undefined: every identity is a contributor everywhere */
export function createRights(assignments: () => readonly RoleAssignment[] | undefined): Rights {
  const rolesOf = (principal: Principal): readonly RoleAssignment[] | undefined => {
    if (principal.kind === "key") return undefined;
    return assignments()?.filter((assignment) => assignment.principal === principal.id);
  };
  return {
    checkItems(principal, action, { database, container }) {
      const place = `/dbs/${database}/colls/${container}`;
      const roles = rolesOf(principal);
      if (roles === undefined || principal.kind === "key") return;
      const allowed = roles.some(
        ({ role, scope }) => covers(scope, place) && (role === "contributor" || readActions.has(action)),
      );
      if (allowed) return;
      throw blocked(principal.id, {
        action: `sqlDatabases/containers/items/${action}`,
        on: `resource [${place.slice(1)}]`,
        substatus: 5302,
      });
    },
    checkMetadata(principal) {
      const roles = rolesOf(principal);
      if (roles === undefined || principal.kind === "key" || roles.length > 0) return;
      throw blocked(principal.id, { action: "readMetadata", on: "any scope", substatus: 5301 });
    },
  };
}

function covers(scope: string, place: string): boolean {
  return scope === "/" || scope === place || place.startsWith(`${scope}/`);
}

function blocked(
  id: string,
  { action, on, substatus }: { readonly action: string; readonly on: string; readonly substatus: number },
): CosmosError {
  const text = `Request is blocked because principal [${id}] does not have required RBAC permissions to perform action [Microsoft.DocumentDB/databaseAccounts/${action}] on ${on}. Learn more: https://aka.ms/cosmos-native-rbac.`;
  return new CosmosError(403, text, { substatus });
}
