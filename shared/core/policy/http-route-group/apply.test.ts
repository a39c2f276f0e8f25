import assert from "node:assert/strict";
import { test } from "node:test";
import { httpRoutesOf } from "./apply.ts";
import { type HttpRouteGroup, httpRouteGroupSchema } from "./schema.ts";

const key = { group: "specs.smi-spec.io", kind: "HTTPRouteGroup", namespace: "shop", name: "routes" };

function group(
  ...matches: NonNullable<HttpRouteGroup["spec"]["matches"]>
): HttpRouteGroup & { readonly key: typeof key } {
  return { spec: { matches }, key };
}

const nothing = { pathRegex: undefined, methods: undefined, headers: undefined };

const pathsOf = (semantics: "osm" | "spec"): readonly (string | undefined)[] =>
  [
    ...httpRoutesOf(
      group({ ...nothing, name: "a", pathRegex: "/a|/b" }, { ...nothing, name: "b" }),
      semantics,
    ).routes.matches.values(),
  ].map(([match]) => match?.path);

test("httpRoutesOf() reads a path as the whole of it, or by SMI's text as its start", () => {
  assert.deepEqual(pathsOf("osm"), ["/a|/b", ".*"]);
  assert.deepEqual(pathsOf("spec"), ["(?:/a|/b).*", ".*"]);
});

test("httpRoutesOf() sorts methods and headers, knows * and host, and writes header names in lower case", () => {
  const headers = [
    { name: "X-Team", value: "a.*" },
    { name: "Host", value: "shop" },
  ];
  const { routes } = httpRoutesOf(
    group(
      { ...nothing, name: "some", methods: ["PUT", "GET", "PUT"], headers },
      { ...nothing, name: "all", methods: ["GET", "*"] },
    ),
    "osm",
  );
  assert.deepEqual(routes.matches.get("some"), [
    {
      path: ".*",
      methods: ["GET", "PUT"],
      headers: [
        { name: ":authority", value: "shop" },
        { name: "x-team", value: "a.*" },
      ],
    },
  ]);
  assert.deepEqual(routes.matches.get("all")?.[0]?.methods, []);
});

test("httpRoutesOf() gives a match that is not RE2 no requests, and names expression and fault", () => {
  const { routes, problems } = httpRoutesOf(
    group(
      { ...nothing, name: "path", pathRegex: "/(?=x)" },
      { ...nothing, name: "header", headers: [{ name: "v", value: "(" }] },
      { ...nothing, name: "long", pathRegex: "x".repeat(5000) },
      { ...nothing, name: "fine", pathRegex: "/fine" },
    ),
    "osm",
  );
  assert.deepEqual(
    [...routes.matches].map(([name, matches]) => [name, matches.length]),
    [
      ["path", 0],
      ["header", 0],
      ["long", 0],
      ["fine", 1],
    ],
  );
  assert.deepEqual(
    problems.map(({ code }) => code),
    ["regex-invalid", "regex-invalid", "regex-invalid"],
  );
  assert.match(problems[0]?.message ?? "", /match path: pathRegex '\/\(\?=x\)' is not valid RE2: .+/);
});

test("httpRoutesOf() means both of two matches of one name", () => {
  const { routes } = httpRoutesOf(
    group({ ...nothing, name: "m", pathRegex: "/b" }, { ...nothing, name: "m", pathRegex: "/a" }),
    "osm",
  );
  assert.deepEqual(
    routes.matches.get("m")?.map(({ path }) => path),
    ["/a", "/b"],
  );
});

const readable = (match: object): boolean =>
  httpRouteGroupSchema.safeParse({ spec: { matches: [{ name: "m", ...match }] } }).success;

test("httpRouteGroupSchema refuses methods and header names that no request can have", () => {
  assert.ok(readable({ methods: ["GET"], headers: [{ name: "x-a", value: "1" }], pathRegex: null }));
  assert.ok(!readable({ methods: ["get"] }));
  assert.ok(!readable({ headers: [{ name: "x a", value: "1" }] }));
  assert.ok(!readable({ headers: [{ a: "1", b: "2" }] }));
  assert.ok(!readable({ headers: [{ name: "a", value: 1 }] }));
});
