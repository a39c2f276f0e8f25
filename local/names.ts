/** What the local mesh, its one cluster and the gateway's namespace are called. */
export const localMeshName = "weft";
export const localCluster = "local";
export const localNamespace = "weft-system";
