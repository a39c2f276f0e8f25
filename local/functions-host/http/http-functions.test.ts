import assert from "node:assert/strict";
import { test } from "node:test";
import { findHttpFunction, type HttpFunction, toHttpFunction } from "./http-functions.ts";

const anonymous = { authLevel: "anonymous" };

function find(functions: readonly HttpFunction[], path: string, method = "GET", key?: string): unknown {
  const found = findHttpFunction(functions, { method, path, key }, "host-key");
  return found.kind === "found" ? [found.name, found.parameters] : found.kind;
}

test("findHttpFunction() finds a function without a route by its name, in any case", () => {
  const functions = [toHttpFunction("Health", anonymous, "api")];
  assert.deepEqual(find(functions, "/api/health"), ["Health", {}]);
  assert.equal(find(functions, "/health"), "no-such-route");
});

test("findHttpFunction() reads parameters, rests and optional ends", () => {
  const functions = [
    toHttpFunction("pages", { ...anonymous, route: "meshes/{mesh}/pages/{*rest}" }, "api"),
    toHttpFunction("mesh", { ...anonymous, route: "meshes/{mesh}/{view?}" }, "api"),
  ];
  assert.deepEqual(find(functions, "/api/meshes/a%20b/pages/x/y"), ["pages", { mesh: "a b", rest: "x/y" }]);
  assert.deepEqual(find(functions, "/api/meshes/a/pages"), ["pages", { mesh: "a", rest: "" }]);
  assert.deepEqual(find(functions, "/api/meshes/a"), ["mesh", { mesh: "a" }]);
  assert.deepEqual(find(functions, "/api/meshes/a/graph"), ["mesh", { mesh: "a", view: "graph" }]);
});

test("findHttpFunction() prefers what is written out", () => {
  const functions = [
    toHttpFunction("any", { ...anonymous, route: "{*rest}" }, ""),
    toHttpFunction("one", { ...anonymous, route: "items/{id}" }, ""),
    toHttpFunction("number", { ...anonymous, route: "items/{id:int}" }, ""),
    toHttpFunction("new", { ...anonymous, route: "items/new" }, ""),
  ];
  assert.deepEqual(find(functions, "/items/new"), ["new", {}]);
  assert.deepEqual(find(functions, "/items/7"), ["number", { id: "7" }]);
  assert.deepEqual(find(functions, "/items/x"), ["one", { id: "x" }]);
  assert.deepEqual(find(functions, "/"), ["any", { rest: "" }]);
});

test("findHttpFunction() takes a wrong method for no route, and tells routes apart by method", () => {
  const functions = [
    toHttpFunction("read", { ...anonymous, route: "items", methods: ["GET"] }, "api"),
    toHttpFunction("write", { ...anonymous, route: "items", methods: ["post"] }, "api"),
  ];
  assert.deepEqual(find(functions, "/api/items", "POST"), ["write", {}]);
  assert.equal(find(functions, "/api/items", "DELETE"), "no-such-route");
});

test("findHttpFunction() asks for the key unless the function is anonymous", () => {
  const functions = [toHttpFunction("secret", {}, "api")];
  assert.equal(find(functions, "/api/secret"), "unauthorized");
  assert.equal(find(functions, "/api/secret", "GET", "wrong"), "unauthorized");
  assert.deepEqual(find(functions, "/api/secret", "GET", "host-key"), ["secret", {}]);
});
