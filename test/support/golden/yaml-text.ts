import { Document, isCollection, isNode, parse, parseAllDocuments, visit } from "yaml";

/** What fits into a line of this length stands in one. */
const lineLength = 110;

/** YAML for people and for comparison: equal values give equal text. Small lists and objects stand in one line each. */
export function yamlText(value: unknown): string {
  // Through JSON: members that are undefined are gone, and what is shared is written twice.
  const document = new Document(JSON.parse(JSON.stringify(value)) as unknown, { aliasDuplicateObjects: false });
  visit(document, (key, node, path) => {
    if (!isNode(node) || !isCollection(node) || path.length < 2) return undefined;
    if (JSON.stringify(node.toJSON()).length + 2 * path.length > lineLength) return undefined;
    node.flow = true;
    return key === "key" ? undefined : visit.SKIP;
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

/** One value; with `---` between values, see parseYamlDocuments. */
export function parseYaml(text: string): unknown {
  return parse(text);
}

/** Documents with `---` between them, empty ones left out. */
export function parseYamlDocuments(text: string): readonly unknown[] {
  return parseAllDocuments(text).flatMap((document) => {
    const value: unknown = document.toJSON();
    return value === null ? [] : [value];
  });
}
