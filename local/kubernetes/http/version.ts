/** The Kubernetes version whose behaviour is served, as /version tells it. */
export const serverVersion = {
  major: "1",
  minor: "36",
  gitVersion: "v1.36.3+weft-local",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "",
  compiler: "node",
  platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
} as const;
