import { headMarkup } from "./head.ts";
import { escapeText, scriptData } from "./markup.ts";
import { messageTable } from "./message-table.ts";
import { pictureData } from "./picture-data.ts";
import type { Recording } from "./recording.ts";
import { CONTROLS } from "./script/controls.ts";
import { DRAWING } from "./script/drawing.ts";
import { LAYOUT } from "./script/layout.ts";
import { HUES, STYLE } from "./style.ts";

/** What of the page is not recorded. */
export interface PageOptions {
  readonly title: string;
  readonly redacted: boolean;
}

/** Nothing is loaded, from anywhere. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/** One HTML file. The head and the table stand as they are; the picture is drawn by the script in it. */
export function page(recording: Recording, { title, redacted }: PageOptions): string {
  const privacy = redacted
    ? "The local parts of addresses are pseudonyms; domains and what the server said are as they were."
    : "This page holds addresses and what the server said: mind whom you give it to.";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${escapeText(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeText(title)}</h1>
<p>Recorded by smtp-pipelining. ${privacy}</p>
</header>
<main>${headMarkup(recording)}
${PICTURE}
${messageTable(recording)}
</main>
<script type="application/json" id="recording">${scriptData(pictureData(recording))}</script>
<script>
"use strict";
const HUES = ${HUES};
${LAYOUT}
${DRAWING}
${CONTROLS}
</script>
</body>
</html>
`;
}

const PICTURE = `<section aria-labelledby="conversation">
<h2 id="conversation">Conversation</h2>
<noscript><p>The picture needs JavaScript. Everything else on this page does without.</p></noscript>
<div class="script-only" id="picture">
<div class="tools" role="toolbar" aria-label="What the picture shows">
<label id="session-choice" hidden>Session <select id="session"></select></label>
<label>Messages <input type="search" id="filter" placeholder="number, id, address or fate" size="26"></label>
<span class="buttons"><button type="button" id="zoom-out" aria-label="Zoom out">−</button><button type="button" id="zoom-in" aria-label="Zoom in">+</button></span>
<span class="buttons"><button type="button" id="fold">Fold groups</button><button type="button" id="unmark" disabled>Mark none</button></span>
<span id="shown" role="status"></span>
</div>
<div class="frame">
<svg id="columns" height="26" aria-hidden="true"></svg>
<div id="scroll" tabindex="0" role="application" aria-label="Sequence picture. J and K go from group to group, Enter folds one, plus and minus zoom." aria-describedby="detail"><div id="space"><svg id="drawing" role="img" aria-label="Commands and replies over time"></svg></div></div>
<p id="detail" role="status" aria-live="polite">J and K, or a click, go to a group; Enter folds it; + and − zoom.</p>
</div>
<p class="hint">Time runs down, and is cut short where nothing happens. A reply's departure is estimated: half of the shortest round trip before it came. <span class="key refused">red</span> refused, <span class="key dashed">dashed</span> never answered.</p>
</div>
</section>`;
