/** The direction of imports. Each rule has a planted violation in test/fixtures/planted-violations; test/architecture.test.ts finds them all. */

const shipped = "^(shared|functions|gateway)/";
const test = "[.]test[.]ts$|-fixture[.]ts$";

/** Only `door` may import the package, in what is shipped; local, test and tools are free. */
function oneDoor(name, packagePattern, door) {
  return {
    name: `${name}-has-one-door`,
    comment: "An SDK has one door, so that it can be replaced, and is loaded only where it is needed.",
    severity: "error",
    from: { path: shipped, pathNot: [door, test] },
    to: { path: `(^|/)node_modules/${packagePattern}/` },
  };
}

/** Files of `from` import nothing of the repository but what matches `allowed`. */
function onlySees(name, comment, { from, fromNot = [], of = "^(shared|functions|gateway|local|infra|tools|test|cli)/", allowed }) {
  return {
    name,
    comment,
    severity: "error",
    from: { path: from, pathNot: [test, ...fromNot] },
    to: { path: of, pathNot: allowed },
  };
}

module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Types count too: two files that need each other are one concept, or lack a third.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "imports-resolve",
      comment: "An import that leads nowhere is an import that no other rule can judge.",
      severity: "error",
      from: {},
      // The Functions host puts this module in; it is in no package.
      to: { couldNotResolve: true, pathNot: "^@azure/functions-core$" },
    },
    {
      name: "core-imports-no-package",
      comment: "The core is pure: schemas, expressions and the protobuf runtime are all it may use.",
      severity: "error",
      from: { path: "^shared/core/", pathNot: test },
      to: { path: "(^|/)node_modules/", pathNot: "(^|/)node_modules/(zod|re2js|@bufbuild/protobuf)/" },
    },
    {
      name: "core-imports-no-io",
      comment: "The core is pure: of Node it may use hashes.",
      severity: "error",
      from: { path: "^(shared/core|gateway/inject)/", pathNot: test },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?(crypto|net)$" },
    },
    onlySees("core-sees-only-core", "The core is the innermost ring.", { from: "^shared/core/", allowed: "^shared/core/" }),
    onlySees("core-words", "What all share knows nobody.", {
      from: "^shared/core/(brand|canonical|object|parse-json)[.]ts$",
      allowed: "^shared/core/(brand|canonical|object)[.]ts$",
    }),
    onlySees("core-events", "The pipeline is a line: events come first.", {
      from: "^shared/core/events/",
      of: "^shared/core/",
      allowed: "^shared/core/(events/|brand|canonical|object|parse-json)",
    }),
    onlySees("core-trie", "The trie knows nothing of what it holds.", {
      from: "^shared/core/trie/",
      of: "^shared/core/",
      allowed: "^shared/core/(trie/|brand|canonical)",
    }),
    onlySees("core-state", "The pipeline is a line: state is events, kept in a trie.", {
      from: "^shared/core/state/",
      of: "^shared/core/",
      allowed: "^shared/core/(state/|events/|trie/|brand|canonical|object)",
    }),
    onlySees("core-policy", "A policy is read into the mesh's own words, and sees of the mesh only these and its problems.", {
      from: "^shared/core/policy/",
      of: "^shared/core/",
      allowed: "^shared/core/(policy/|events/|mesh/(mesh|problem)[.]ts$|brand|canonical|object)",
    }),
    onlySees("core-identity", "Names and times of identities; of the mesh, what an account is.", {
      from: "^shared/core/identity/",
      of: "^shared/core/",
      allowed: "^shared/core/(identity/|mesh/mesh[.]ts$|brand|canonical|object)",
    }),
    onlySees("core-mesh", "The pipeline is a line: the mesh is built from objects by policies.", {
      from: "^shared/core/mesh/",
      of: "^shared/core/",
      allowed: "^shared/core/(mesh/|policy/|identity/|events/|brand|canonical|object)",
    }),
    onlySees("core-xds", "The mesh is the only bridge between the words of Kubernetes and those of Envoy.", {
      from: "^shared/core/xds/",
      of: "^shared/core/",
      allowed: "^shared/core/(xds/|mesh/|identity/|brand|canonical|object)",
    }),
    onlySees("core-snapshot", "A snapshot holds resources, in tries.", {
      from: "^shared/core/snapshot/",
      of: "^shared/core/",
      allowed: "^shared/core/(snapshot/|xds/resource[.]ts$|mesh/mesh[.]ts$|trie/|brand|canonical|object)",
    }),
    onlySees("core-stream", "A stream moves resources; it does not know what they say.", {
      from: "^shared/core/stream/",
      of: "^shared/core/",
      allowed: "^shared/core/(stream/|snapshot/|xds/resource[.]ts$|brand|canonical|object)",
    }),
    {
      name: "generated-code-stays-home",
      comment: "Generated messages are an encoding, not a model: only the folder that owns them speaks in them.",
      severity: "error",
      from: { path: `${shipped}|^local/`, pathNot: ["^shared/core/xds/", "^local/kubernetes/", test] },
      to: { path: "/gen/" },
    },
    onlySees("ports-see-only-core", "A port is a few types in the core's words.", {
      from: "^shared/ports/",
      allowed: "^shared/(ports|core)/",
    }),
    onlySees("shell-sees-core-and-ports", "The shell's tools know no store, no technology and no program.", {
      from: "^shared/shell/",
      allowed: "^shared/(shell|ports|core)/",
    }),
    onlySees("store-sees-no-technology", "What is written where, over ports.", {
      from: "^shared/store/",
      allowed: "^shared/(store|shell|ports|core)/",
    }),
    onlySees("adapters-see-ports", "An adapter joins one technology to a port, and knows no other adapter.", {
      from: "^shared/adapters/([^/]+)/",
      allowed: "^shared/(adapters/$1|shell|ports|core)/",
    }),
    {
      name: "azure-is-named-in-one-place",
      comment: "Programs stand on ports; only where they are put together does the cloud have a name.",
      severity: "error",
      from: { path: shipped, pathNot: ["^functions/compose[.]ts$", "^gateway/azure-parts[.]ts$", "^shared/adapters/azure/", test] },
      to: { path: "^shared/adapters/azure/" },
    },
    {
      name: "adapters-are-chosen-at-the-edge",
      comment: "What is composed in memory is composed by local and by tests.",
      severity: "error",
      from: { path: shipped, pathNot: ["^shared/adapters/memory/", test] },
      to: { path: "^shared/adapters/memory/" },
    },
    onlySees("functions-see-only-shared", "Two programs, which meet over hubs and documents.", {
      from: "^functions/",
      allowed: "^(functions|shared)/",
    }),
    onlySees("gateway-sees-only-shared", "Two programs, which meet over hubs and documents.", {
      from: "^gateway/",
      allowed: "^(gateway|shared)/",
    }),
    onlySees("gateway-rooms-do-not-see-the-whole", "The composition knows the rooms, not the other way round.", {
      from: "^gateway/[^/]+/",
      of: "^gateway/(main|compose|azure-parts)[.]ts$",
      allowed: "^$",
    }),
    onlySees("gateway-inject-is-pure", "Injection is a function of the pod: the webhook, the stand-in kubelet and tests call the same.", {
      from: "^gateway/inject/",
      allowed: "^(gateway/inject|shared/core)/",
    }),
    onlySees("local-sees-no-test", "Tests use the local mesh.", {
      from: "^(local|infra|tools)/",
      of: "^test/",
      allowed: "^$",
    }),
    oneDoor("kubernetes-client", "@kubernetes/client-node", "^gateway/kubernetes/"),
    // Nowhere: the gateway speaks HTTP/2 itself.
    oneDoor("grpc", "@grpc/grpc-js", "^$"),
    oneDoor("azure-functions", "@azure/functions", "^functions/(index[.]ts$|api/|dashboard/)"),
    oneDoor("azure-data", "@azure/(cosmos|event-hubs)", "^shared/adapters/azure/"),
    oneDoor("azure-identity", "@azure/identity", "^(functions/compose|gateway/azure-parts)[.]ts$|^shared/adapters/azure/"),
    oneDoor("forge", "node-forge", "^gateway/identity/"),
    oneDoor("pino", "pino", "^gateway/log[.]ts$"),
    oneDoor("prometheus", "prom-client", "^gateway/metrics[.]ts$"),
    oneDoor("preact", "(preact|preact-render-to-string|htm)", "^functions/dashboard/"),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: ["(^|/)dist/", "^test/fixtures/"] },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "require", "node", "default", "types"] },
  },
};
