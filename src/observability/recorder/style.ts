/** So many colours tell messages apart, in turn. */
export const HUES = 6;

/** The page's style sheet. */
export const STYLE: string = `
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1b1f24; --soft: #5b6470; --line: #d8dde3; --shade: #f4f6f8; --accent: #1f5fbf; --pick: #e4eefc;
  --succeeded: #1a7f4b; --deferred: #a86200; --refused: #c62a1f; --unknown: #7c3aad;
  --m0: #2563b8; --m1: #0f766e; --m2: #8a5a00; --m3: #6d4bc4; --m4: #4d7a12; --m5: #b03a7c;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --ink: #e4e7eb; --soft: #98a2ae; --line: #333a43; --shade: #1d2127; --accent: #7db0ff; --pick: #1f2e45;
    --succeeded: #4cc38a; --deferred: #e2a33b; --refused: #ff7468; --unknown: #c08cf0;
    --m0: #7db0ff; --m1: #4fc4b7; --m2: #d9ab4e; --m3: #b39bff; --m4: #9cc95c; --m5: #f08cc0;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.5rem 4rem; max-width: 1400px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: .95rem; margin: 1.2rem 0 .4rem; }
header p, .hint, small, .tiles span, .sessions span { color: var(--soft); }
header p { margin: .3rem 0 0; }
p { margin: .5rem 0; }
.hint { font-size: .85rem; }
ul { list-style: none; margin: 0; padding: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: .8rem; margin: 0; }
.tiles div { background: var(--shade); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .9rem; }
.tiles dt { font-size: .8rem; color: var(--soft); }
.tiles dd { margin: 0; font-size: .85rem; }
.tiles b { display: block; font-size: 1.45rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.bar { display: flex; gap: 2px; height: 16px; border-radius: 5px; overflow: hidden; background: var(--shade); }
.bar span { min-width: 3px; flex: 0 0 0; }
.bar .succeeded { background: var(--succeeded); } .bar .deferred { background: var(--deferred); }
.bar .refused { background: var(--refused); } .bar .unknown { background: var(--unknown); }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; margin-top: .4rem; font-size: .9rem; }
.legend li::before { content: ""; display: inline-block; width: .7em; height: .7em; border-radius: 2px; margin-right: .45em; background: currentColor; }
li.succeeded::before, .succeeded > .fate { color: var(--succeeded); } li.deferred::before, .deferred > .fate { color: var(--deferred); }
li.refused::before, .refused > .fate { color: var(--refused); } li.unknown::before, .unknown > .fate { color: var(--unknown); }
.saved { font-size: 1.02rem; border-left: 3px solid var(--accent); padding: .15rem 0 .15rem .8rem; margin: 1rem 0; }
.sessions > li { margin: .4rem 0 .8rem; } .sessions p { margin: .2rem 0; overflow-wrap: anywhere; }
.chips { display: flex; flex-wrap: wrap; gap: .3rem; }
.chips li { font: 12px/1.5 var(--mono); border: 1px solid var(--line); border-radius: 4px; padding: 0 .4rem; overflow-wrap: anywhere; }
.alarms { margin-top: .4rem; font-size: .9rem; overflow-wrap: anywhere; }
.alarms .warning b { color: var(--deferred); } .alarms .error b { color: var(--refused); }
.left-out { background: var(--shade); border-left: 3px solid var(--deferred); padding: .4rem .8rem; }
button, select, input { font: inherit; font-size: .85rem; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 5px; padding: .2rem .6rem; }
button { cursor: pointer; } button:hover:enabled { border-color: var(--accent); } button:disabled { color: var(--soft); cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
html:not(.script) .script-only { display: none; }
.tools { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; margin-bottom: .5rem; font-size: .85rem; }
.buttons { display: inline-flex; gap: .3rem; } #shown { color: var(--soft); }
.frame { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
#columns { display: block; background: var(--shade); border-bottom: 1px solid var(--line); }
#scroll { height: min(74vh, 900px); overflow: auto; } #scroll:focus-visible { outline-offset: -2px; }
#space { position: relative; overflow: hidden; } #drawing { position: absolute; left: 0; display: block; }
#detail { margin: 0; padding: .4rem .8rem; min-height: 2.3rem; max-height: 9rem; overflow: auto; border-top: 1px solid var(--line);
  background: var(--shade); font: 12px/1.5 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; }
.key { font-weight: 600; } .key.refused { color: var(--refused); } .key.dashed { border-bottom: 2px dashed currentColor; }
svg text { fill: var(--ink); font: 12px var(--mono); }
svg .column { font: 600 11px system-ui, sans-serif; fill: var(--soft); } svg .end, svg .time, svg .took { text-anchor: end; } svg .middle { text-anchor: middle; }
svg .time, svg .took, svg .facts { font-size: 11px; fill: var(--soft); } svg .head { font-weight: 700; }
svg .group { cursor: pointer; } svg .hit { fill: transparent; } svg .current { fill: var(--pick); }
svg .bracket { fill: none; stroke: var(--soft); } svg .group.lost .bracket { stroke: var(--refused); stroke-dasharray: 3 3; }
svg .life { stroke: var(--soft); stroke-width: 2; } svg .gap { stroke: var(--paper); stroke-width: 3; stroke-dasharray: 4 4; } svg text.gap { stroke: none; font-style: italic; }
svg .axis { stroke: var(--line); } svg .owed { fill: var(--accent); fill-opacity: .28; stroke: var(--accent); stroke-width: 1; }
.m-none { --hue: var(--soft); }
${Array.from({ length: HUES }, (_, hue) => `.m${hue} { --hue: var(--m${hue}); }`).join(" ")}
svg .exchange { cursor: pointer; } svg .arrow line { stroke: var(--hue); stroke-width: 1.3; } svg .arrow polygon { fill: var(--hue); }
svg .in line { stroke-width: 1; } svg .dashed line, svg .lost .leader { stroke-dasharray: 4 3; }
svg rect.badge { fill: var(--hue); } svg text.badge { fill: var(--paper); font: 600 10px system-ui, sans-serif; text-anchor: middle; }
svg .leader { fill: none; stroke: var(--line); } svg .code { font-weight: 700; } svg .code, svg .exchange:not(.refused) .code { fill: var(--hue); }
svg .refused .line, svg .refused .code { fill: var(--refused); } svg .refused .in line { stroke: var(--refused); stroke-width: 1.6; } svg .refused .in polygon { fill: var(--refused); }
svg .never { fill: var(--unknown); font-style: italic; } svg .exchange:hover .line { text-decoration: underline; }
svg .dim { opacity: .22; }
svg .note line { stroke: var(--line); stroke-dasharray: 2 4; } svg text.note { font: 600 11px system-ui, sans-serif; paint-order: stroke; stroke: var(--paper); stroke-width: 8px; }
svg .note-warning text.note { fill: var(--deferred); } svg .note-error text.note { fill: var(--refused); } svg .note-error line { stroke: var(--refused); }
svg .note-skip text.note { fill: var(--soft); font-style: italic; }
svg .settled path { stroke: var(--paper); stroke-width: 1.2; fill: var(--deferred); } svg .settled.succeeded path { fill: var(--succeeded); }
svg .settled.refused path { fill: var(--refused); } svg .settled.unknown path { fill: var(--unknown); }
table { border-collapse: collapse; width: 100%; font-size: .88rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .6rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { color: var(--soft); font-size: .8rem; } tr.session th { background: var(--shade); }
tr.message th { font-weight: 400; width: 20%; } tr.message:hover { background: var(--shade); } tr.marked, tr.marked:hover { background: var(--pick); }
.mark { border: 0; padding: 0; background: none; font-weight: 600; text-align: left; overflow-wrap: anywhere; }
.badge { display: inline-block; min-width: 1.6em; text-align: center; border-radius: 3px; background: var(--hue); color: var(--paper); font-size: .85em; padding: 0 .3em; }
small { display: block; font-size: .92em; } .time { white-space: nowrap; font-variant-numeric: tabular-nums; } .groups { width: 9%; } .groups button { padding: 0 .4rem; }
.fates li { display: grid; grid-template-columns: 10.5rem minmax(9rem, 1fr) 2fr; gap: .8rem; padding: .05rem 0; } .fates li::before { content: none; }
.fate { font-weight: 600; } .why { color: var(--soft); white-space: pre-line; } .open { color: var(--soft); margin: 0; }
@media (max-width: 800px) { body { padding: 1rem .7rem; } .fates li { display: block; padding: .2rem 0; } .fates span { display: block; } }
@media screen and (max-width: 640px) {
  thead { display: none; } table, tbody, tr, th, td, tr.message th { display: block; width: auto; } td, tr.message th { border: 0; padding: .2rem 0; }
  tr.message { border-bottom: 1px solid var(--line); padding: .5rem 0; } td.time { display: inline-block; margin-right: 1rem; color: var(--soft); }
}
[hidden] { display: none !important; }
@media print {
  * { print-color-adjust: exact; }
  body { max-width: none; padding: 0; font-size: 11px; } .tools, #detail, .hint.script-only { display: none; }
  #scroll { height: auto; overflow: visible; } .frame { border: 0; overflow: visible; zoom: .68; } tr.message { break-inside: avoid; } .saved { break-inside: avoid; }
}
`;
