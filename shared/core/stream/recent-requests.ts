/** Proxies acknowledge a message in the same bytes: they are read once. Longer ones are not compared, nor more than a few of the newest. */
const longest = 512;
const remembered = 4;

/** `read` as it is, but what it makes of the newest bytes is remembered. It may keep the bytes. */
export function createRecentRequests<Request>(read: (bytes: Buffer) => Request): (bytes: Buffer) => Request {
  const recent: { readonly bytes: Buffer; readonly request: Request }[] = [];
  let oldest = 0;
  return (bytes) => {
    if (bytes.length > longest) return read(bytes);
    for (const known of recent)
      if (known.bytes.length === bytes.length && known.bytes.equals(bytes)) return known.request;
    const copy = Buffer.from(bytes);
    const request = read(copy);
    recent[oldest] = { bytes: copy, request };
    oldest = (oldest + 1) % remembered;
    return request;
  };
}
