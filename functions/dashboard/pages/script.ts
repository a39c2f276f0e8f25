/**
 * All that runs in the browser: ages tick, and parts of the page are replaced when the server says that they changed. A hidden page lets go of its
 * stream, so that nobody pays for it. Without script the page shows everything that was true when it was made.
 */
export const script = `
(() => {
  const live = document.querySelector(".live");
  const say = (state, text) => { live.dataset.state = state; live.textContent = text; };
  const ages = () => {
    for (const time of document.querySelectorAll("time[data-age]")) {
      const s = Math.max(0, Math.round((Date.now() - Date.parse(time.dateTime)) / 1000));
      const text = s < 2 ? "just now" : s < 120 ? s + " s ago" : s < 7200 ? Math.round(s / 60) + " min ago" : s < 172800 ? Math.round(s / 3600) + " h ago" : Math.round(s / 86400) + " d ago";
      if (time.textContent !== text) time.textContent = text;
    }
  };
  const replace = ({ id, hash, html }) => {
    const part = document.getElementById(id);
    if (!part || part.dataset.hash === hash) return;
    part.dataset.hash = hash;
    const keys = new Set([...part.querySelectorAll("[data-key]")].map((e) => e.dataset.key));
    const open = new Map([...part.querySelectorAll("details[id]")].map((e) => [e.id, e.open]));
    const at = [...part.querySelectorAll(".scroll")].map((e) => [e.scrollLeft, e.scrollTop]);
    part.innerHTML = html;
    for (const e of part.querySelectorAll("details[id]")) e.open = open.get(e.id) ?? e.open;
    [...part.querySelectorAll(".scroll")].forEach((e, i) => { [e.scrollLeft, e.scrollTop] = at[i] ?? [0, 0]; });
    if (keys.size) for (const e of part.querySelectorAll("[data-key]")) if (!keys.has(e.dataset.key)) e.classList.add("arrived");
    ages();
  };
  let source;
  const connect = () => {
    const have = [...document.querySelectorAll("[data-hash]")].map((e) => e.dataset.hash);
    const stream = new EventSource(document.body.dataset.events + "?have=" + have.join(","));
    source = stream;
    source.onopen = () => say("live", "Live");
    source.onerror = () => {
      say("away", "Reconnecting");
      if (stream.readyState === 2) setTimeout(() => { if (source === stream) connect(); }, 3000);
    };
    source.addEventListener("part", (event) => replace(JSON.parse(event.data)));
    source.addEventListener("fault", (event) => say("away", JSON.parse(event.data).message));
    source.addEventListener("well", () => say("live", "Live"));
    source.addEventListener("renew", () => { source.close(); connect(); });
  };
  const poll = async () => {
    try {
      const text = await (await fetch(location.href)).text();
      const part = new DOMParser().parseFromString(text, "text/html").getElementById("clusters");
      if (part) replace({ id: part.id, hash: part.dataset.hash, html: part.innerHTML });
      say("live", "Live");
    } catch { say("away", "Reconnecting"); }
  };
  const begin = () => {
    if (document.body.dataset.events) return connect();
    const timer = setInterval(poll, 5000);
    source = { close: () => clearInterval(timer) };
    void poll();
  };
  live.hidden = false;
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) { if (!source) begin(); return; }
    source?.close();
    source = undefined;
    say("paused", "Paused");
  });
  setInterval(ages, 1000);
  ages();
  begin();
})();
`;
