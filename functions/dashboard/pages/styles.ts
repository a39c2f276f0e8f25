/** The one style sheet, served inside every page: no request, no external resource. Light and dark follow the reader's system. */
export const styles = `
:root {
  color-scheme: light dark;
  --bg: light-dark(#f4f5f7, #0e1217);
  --surface: light-dark(#ffffff, #151b22);
  --sunken: light-dark(#f8f9fb, #11161c);
  --line: light-dark(#dfe3e8, #27303a);
  --hair: light-dark(#eceff2, #1e262f);
  --text: light-dark(#18212c, #e3e8ee);
  --quiet: light-dark(#5a6675, #94a1b0);
  --accent: light-dark(#1f5fbf, #7db2ff);
  --good: light-dark(#12693a, #6fd39b);
  --good-bg: light-dark(#e3f4ea, #12301f);
  --warn: light-dark(#7f5300, #f0bf5f);
  --warn-bg: light-dark(#fdf1d6, #362a10);
  --bad: light-dark(#a82018, #ff948a);
  --bad-bg: light-dark(#fce9e7, #3b1917);
  --info: light-dark(#1f4f96, #93bfff);
  --info-bg: light-dark(#e6effb, #14263d);
  --c1: light-dark(#2f6fd0, #5c9cf5);
  --c2: light-dark(#e08a1e, #e8a04a);
  --c3: light-dark(#1f9d6b, #3fbf8d);
  --c4: light-dark(#9a55c4, #b985db);
  --c5: light-dark(#cf4d6f, #e5788f);
  --c6: light-dark(#5d7285, #8ba0b3);
  --mono: ui-monospace, SFMono-Regular, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", sans-serif;
}
[hidden] { display: none !important; }
*, *::before, *::after { box-sizing: border-box; }
html { scroll-padding-top: 7rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--bg); color: var(--text); font: 14px/1.45 var(--sans); font-variant-numeric: tabular-nums; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
code { font: 0.925em/1.4 var(--mono); overflow-wrap: anywhere; }
h1, h2, h3, p, dl, dd, ol, ul { margin: 0; padding: 0; }
ol, ul { list-style: none; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -999px; top: 0; z-index: 9; background: var(--surface); padding: 8px 12px; }
.skip:focus { left: 8px; }

.top { position: sticky; top: 0; z-index: 5; background: var(--surface); border-bottom: 1px solid var(--line); }
.top .in, main, footer { max-width: 1360px; margin: 0 auto; padding-inline: 20px; }
.bar1 { display: flex; align-items: center; gap: 6px 14px; flex-wrap: wrap; padding-block: 10px 4px; min-height: 48px; }
.brand { display: flex; align-items: center; gap: 8px; font-weight: 650; color: var(--text); letter-spacing: -0.01em; }
.brand svg { display: block; color: var(--accent); }
.crumbs { display: flex; align-items: baseline; gap: 8px; min-width: 0; font-size: 15px; }
.crumbs a, .crumbs h1 { overflow-wrap: anywhere; min-width: 0; }
.crumbs h1 { font-size: 15px; font-weight: 650; }
.crumbs .sep { color: var(--quiet); }
.status { display: flex; align-items: center; gap: 8px; margin-left: auto; flex-wrap: wrap; }
.status .version { font-weight: 650; }
.live { display: inline-flex; align-items: center; gap: 6px; color: var(--quiet); font-size: 12.5px; }
.live::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: var(--c6); }
.live[data-state="live"]::before { background: var(--good); }
.live[data-state="away"]::before { background: var(--warn); }
nav ul { display: flex; gap: 2px; overflow-x: auto; scrollbar-width: none; margin-inline: -8px; }
nav a { display: block; padding: 7px 8px 9px; color: var(--quiet); white-space: nowrap; font-size: 13px; }
nav a:hover { color: var(--text); text-decoration: none; box-shadow: inset 0 -2px var(--line); }

main { padding-block: 18px 32px; display: grid; gap: 16px; grid-template-columns: minmax(0, 1fr); }
footer { padding-block: 0 32px; color: var(--quiet); font-size: 12.5px; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; min-width: 0; }
.card > header { display: flex; align-items: baseline; gap: 4px 12px; flex-wrap: wrap; padding: 12px 16px 10px; border-bottom: 1px solid var(--hair); }
.card h2 { font-size: 14.5px; font-weight: 650; letter-spacing: -0.005em; }
.card h3 { font-size: 13px; font-weight: 650; }
.card > header p { color: var(--quiet); font-size: 13px; min-width: 0; }
.card > header .end { margin-left: auto; }
.card > .body { padding: 12px 16px 14px; }
.foot { padding: 8px 16px 10px; color: var(--quiet); font-size: 12.5px; border-top: 1px solid var(--hair); }
@media (min-width: 1080px) {
  .pair { display: grid; gap: 16px; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); align-items: stretch; }
}
@media (min-width: 1080px) {
  .policy { grid-template-columns: minmax(0, 1.9fr) minmax(0, 1fr); }
  .policy:has(.tight) { grid-template-columns: minmax(0, 1fr); }
}
@media (max-width: 1079px) { .pair { display: grid; gap: 16px; grid-template-columns: minmax(0, 1fr); } }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 1px; background: var(--line); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.tile { background: var(--surface); padding: 11px 16px 12px; min-width: 0; display: flex; flex-direction: column; gap: 1px; }
.tile dt { color: var(--quiet); font-size: 12.5px; }
.tile dd.big { font-size: 21px; font-weight: 620; letter-spacing: -0.02em; line-height: 1.3; }
.tile dd.big small { font-size: 14px; font-weight: 450; color: var(--quiet); letter-spacing: 0; }
.tile dd.note { color: var(--quiet); font-size: 12.5px; overflow-wrap: anywhere; }
.tile.warn dd.big { color: var(--warn); } .tile.bad dd.big { color: var(--bad); }

.badge { display: inline-block; padding: 1px 8px; border-radius: 10px; font-size: 12px; font-weight: 600; line-height: 18px; white-space: nowrap; }
.badge.good { color: var(--good); background: var(--good-bg); } .badge.warn { color: var(--warn); background: var(--warn-bg); }
.badge.bad { color: var(--bad); background: var(--bad-bg); } .badge.info { color: var(--info); background: var(--info-bg); }
.badge.quiet { color: var(--quiet); background: var(--hair); }
.notice { display: flex; gap: 10px; align-items: baseline; padding: 9px 14px; border-radius: 8px; border: 1px solid transparent; }
.notice p { min-width: 0; overflow-wrap: anywhere; }
.notice.warn { background: var(--warn-bg); border-color: color-mix(in srgb, var(--warn) 25%, transparent); }
.notice.info { background: var(--info-bg); border-color: color-mix(in srgb, var(--info) 22%, transparent); }
.notices { display: grid; gap: 8px; }
.notices:empty { display: none; }
.empty { padding: 22px 16px 24px; color: var(--quiet); max-width: 72ch; }
.empty .what { color: var(--text); font-weight: 600; margin-bottom: 3px; }

.scroll { overflow-x: auto; position: relative; }
.tall { max-height: 580px; overflow-y: auto; scrollbar-width: thin; background: linear-gradient(var(--surface) 40%, transparent) local, linear-gradient(transparent, var(--surface) 60%) bottom local, linear-gradient(light-dark(#18212c14, #00000080), transparent) scroll, linear-gradient(transparent, light-dark(#18212c14, #00000080)) bottom scroll; background-size: 100% 36px, 100% 36px, 100% 10px, 100% 10px; background-repeat: no-repeat; }
.tall thead th { position: sticky; top: 0; z-index: 1; background: var(--surface); box-shadow: inset 0 -1px var(--hair); }
time { white-space: nowrap; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { text-align: left; vertical-align: top; padding: 7px 10px; }
th:first-child, td:first-child { padding-left: 16px; }
th:last-child, td:last-child { padding-right: 16px; }
.rows thead th { font-weight: 550; color: var(--quiet); font-size: 12px; padding-block: 8px 6px; white-space: nowrap; border-bottom: 1px solid var(--hair); }
.rows tbody tr + tr > * { border-top: 1px solid var(--hair); }
.rows tbody th { font-weight: 500; }
.rows td.num, .rows th.num { text-align: right; }
.name { overflow-wrap: break-word; } .ns, .kind { color: var(--quiet); }
.object, .object code { overflow-wrap: break-word; }
.says > td { border-top: 0 !important; padding-top: 0; color: var(--bad); font: 12px/1.45 var(--mono); overflow-wrap: anywhere; }
.under { display: block; font-size: 12.5px; }
.code { white-space: nowrap; }
.quiet { color: var(--quiet); }

.matrix { border-collapse: separate; border-spacing: 0; width: auto; min-width: 100%; }
.matrix th, .matrix td { padding: 0; border-bottom: 1px solid var(--hair); border-right: 1px solid var(--hair); }
.matrix tr > :last-child { border-right: 0; padding: 0; } .matrix tbody tr:last-child > * { border-bottom: 0; }
.matrix thead th { vertical-align: bottom; font-weight: 500; background: var(--sunken); }
.matrix tbody th { position: sticky; left: 0; z-index: 1; background: var(--sunken); font-weight: 500; }
.matrix .corner { position: sticky; left: 0; z-index: 2; color: var(--quiet); font-size: 12px; padding: 8px 12px 8px 16px; }
.matrix .from { padding: 0 12px 0 16px; max-width: 230px; }
.matrix .who { display: block; line-height: 1.3; overflow-wrap: anywhere; }
.matrix .who .ns { display: block; font-size: 11.5px; }
.matrix .ports { display: block; color: var(--quiet); font-size: 11.5px; font-weight: 400; }
.matrix .ghost { color: var(--quiet); font-style: italic; }
.matrix.roomy .from { height: 46px; vertical-align: middle; min-width: 124px; }
.matrix.roomy thead th:not(.corner) { padding: 9px 12px; min-width: 120px; }
.matrix.roomy td { vertical-align: middle; }
.cell { display: flex; align-items: center; gap: 7px; padding: 6px 12px; min-height: 45px; color: inherit; line-height: 1.25; font-size: 12.5px; }
a.cell:hover { text-decoration: none; filter: brightness(0.97); }
.cell.all { background: var(--good-bg); color: var(--good); } .cell.some { background: var(--info-bg); color: var(--info); }
.cell.tcp { background: light-dark(#f0eafa, #271d38); color: light-dark(#6a3aa8, #c5a5f2); } .cell.idle { color: var(--quiet); }
.cell.open { background: repeating-linear-gradient(135deg, var(--warn-bg) 0 5px, transparent 5px 10px); color: var(--warn); }
.cell.closed { color: var(--quiet); }
.permissive .cell:not(.open) { background-image: repeating-linear-gradient(135deg, var(--warn-bg) 0 5px, transparent 5px 10px); }
.glyph { flex: none; width: 10px; height: 10px; border-radius: 50%; border: 1.5px solid currentColor; }
.all .glyph { background: currentColor; } .some .glyph { background: linear-gradient(90deg, currentColor 50%, transparent 50%); }
.tcp .glyph { border-radius: 1px; transform: rotate(45deg) scale(0.85); background: currentColor; }
.idle .glyph { border-style: dashed; }
.closed .glyph { border: 0; height: 1.5px; width: 8px; background: currentColor; opacity: 0.45; border-radius: 0; margin-inline: 1px; }
.matrix.tight { font-size: 12.5px; }
.matrix.tight .closed .glyph { opacity: 0.22; width: 6px; }
.matrix.tight .from { white-space: nowrap; padding-block: 3px; max-width: 260px; }
.matrix.tight .from .who { overflow: hidden; text-overflow: ellipsis; max-width: 236px; }
.matrix.tight .from .who .ns { display: inline; font-size: inherit; }
.matrix.tight thead th:not(.corner) { padding: 8px 0 8px; text-align: center; width: 30px; }
.matrix.tight .col { display: inline-block; writing-mode: vertical-rl; transform: rotate(180deg); max-height: 190px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; line-height: 1.2; text-align: left; }
.matrix.tight .cell { justify-content: center; padding: 0; min-height: 26px; min-width: 29px; }
.matrix tbody tr:hover > * { box-shadow: inset 0 1px var(--line), inset 0 -1px var(--line); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 9px 16px 10px; font-size: 12.5px; color: var(--quiet); border-top: 1px solid var(--hair); }
.legend .cell { all: unset; display: inline-flex; align-items: center; gap: 6px; }
.legend .all { color: var(--good); } .legend .some { color: var(--info); } .legend .tcp { color: light-dark(#6a3aa8, #c5a5f2); } .legend .open { color: var(--warn); }
.legend span span:last-child { color: var(--quiet); }
.match { display: block; overflow-wrap: anywhere; } .match + .match { margin-top: 3px; }
.method { font-weight: 600; font-size: 12px; } .header { color: var(--quiet); font-size: 12.5px; }
.rows tr:target > * { background: var(--info-bg); }
details > summary { cursor: pointer; padding: 9px 16px; color: var(--quiet); font-size: 13px; }
details > summary:hover { color: var(--text); }
.card > details { border-top: 1px solid var(--hair); }

.services { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 290px), 1fr)); gap: 0 1px; }
.services li { padding: 10px 16px 11px; box-shadow: 0 1px var(--hair); min-width: 0; }
.services .line { display: flex; flex-wrap: wrap; gap: 2px 10px; align-items: baseline; }
.services .line > .quiet { font-size: 12.5px; }
.services .to { color: var(--quiet); font-size: 12.5px; overflow-wrap: anywhere; }
.split { margin-top: 7px; }
.split .when { font-size: 12.5px; margin-bottom: 3px; }
.split svg { display: block; width: 100%; height: 10px; border-radius: 3px; background: var(--hair); }
.shares { display: flex; flex-wrap: wrap; gap: 2px 14px; margin-top: 5px; font-size: 12.5px; }
.shares span { overflow-wrap: anywhere; } .shares svg { display: inline-block; width: 9px; height: 9px; margin-right: 5px; border-radius: 2px; background: none; }
.f1 { fill: var(--c1); } .f2 { fill: var(--c2); } .f3 { fill: var(--c3); } .f4 { fill: var(--c4); } .f5 { fill: var(--c5); } .f6 { fill: var(--c6); }

.changes > li { padding: 11px 16px 12px; } .changes > li + li { border-top: 1px solid var(--hair); }
.changes .head { display: flex; flex-wrap: wrap; gap: 2px 10px; align-items: baseline; }
.changes .v { font-weight: 650; } .changes .total { margin-left: auto; font-weight: 600; white-space: nowrap; }
.changes .what { margin-top: 2px; overflow-wrap: anywhere; }
.changes .by { color: var(--quiet); font-size: 12.5px; overflow-wrap: anywhere; }
.stages + .by { margin-top: 4px; }
.changes .more { font-size: 12.5px; } .changes details > summary { padding: 2px 0; } .changes details ul { padding: 2px 0 4px 14px; }
.time-bar { display: block; width: 100%; height: 5px; margin-top: 9px; border-radius: 3px; background: var(--hair); }
.stages { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); gap: 0 8px; margin-top: 6px; font-size: 12.5px; line-height: 1.35; }
.stages li { position: relative; padding-left: 14px; min-width: 0; }
.stages li::before { content: ""; position: absolute; left: 0; top: 4px; width: 8px; height: 8px; border-radius: 50%; background: var(--c6); }
.stages .stage, .stages .took { display: block; overflow-wrap: anywhere; }
.stages .took { color: var(--quiet); }
.stages .d-ingested::before { background: var(--c5); } .stages .d-compiled::before { background: var(--c4); } .stages .d-published::before { background: var(--c1); }
.stages .d-first-ACK::before { background: var(--c3); } .stages .d-last-ACK::before { background: var(--good); }
.s-ingested { fill: var(--c5); } .s-compiled { fill: var(--c4); } .s-published { fill: var(--c1); } .s-first-ACK { fill: var(--c3); } .s-last-ACK { fill: var(--good); }
.arrived { animation: arrived 2.4s ease-out; }
@keyframes arrived { from { background: var(--info-bg); } to { background: transparent; } }
@media (prefers-reduced-motion: reduce) { .arrived { animation: none; } }
.problem .todo { margin-top: 3px; color: var(--quiet); }
.problem td { overflow-wrap: anywhere; }
.page-message { max-width: 68ch; margin: 8vh auto; }
.page-message h1 { font-size: 20px; margin-bottom: 6px; }

@media (max-width: 640px) {
  .top .in, main, footer { padding-inline: 12px; }
  main { padding-block: 12px 24px; gap: 12px; }
  .status { margin-left: 0; width: 100%; }
  .bar1 { padding-block: 9px 2px; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stack, .stack tbody, .stack tr { display: block; }
  .stack tr { padding: 9px 16px; }
  .stack tbody tr + tr { border-top: 1px solid var(--hair); }
  .stack tbody td, .stack tbody th { display: grid; grid-template-columns: 96px minmax(0, 1fr); gap: 8px; padding: 2px 0; border: 0; text-align: left; }
  .stack tbody tr + tr > * { border-top: 0; }
  .stack [data-label]::before { content: attr(data-label); color: var(--quiet); font-weight: 400; font-size: 12.5px; }
  .matrix .corner, .matrix tbody th { position: static; }
  .matrix .from { max-width: 140px; padding-inline: 12px 8px; }
  .tile:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .stages { gap: 0 4px; font-size: 11.5px; grid-auto-columns: auto; justify-content: space-between; } .stages li { padding-left: 0; padding-top: 12px; }
  .stack .says { padding-top: 0; border: 0 !important; margin-top: -6px; } .stack tbody .says > td { display: block; } .code { white-space: normal; }
  .rows.stack td.num { text-align: left; } .stack .name, .stack code { overflow-wrap: anywhere; }
  .matrix.tight .from .who { max-width: 118px; }
}
`;
