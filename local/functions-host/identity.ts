/** What the Azure SDKs ask of a credential. */
export interface LazyCredential {
  getToken(scopes: string | string[], options?: object): Promise<AccessToken | null>;
}

interface AccessToken {
  readonly token: string;
  readonly expiresOnTimestamp: number;
}

/** The signed-in identity. The SDK behind it costs a third of a second, so it is loaded when the first token is asked for. */
export function createCredential(): LazyCredential {
  let loaded: Promise<LazyCredential> | undefined;
  return {
    async getToken(scopes, options) {
      loaded ??= import("@azure/identity").then(({ DefaultAzureCredential }) => new DefaultAzureCredential());
      return (await loaded).getToken(scopes, options);
    },
  };
}
