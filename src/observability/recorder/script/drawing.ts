// A part of the page's script: draws what of a picture is in view. What was recorded becomes text, never markup.

/** Defines `drawPicture(svg, picture, from, to, width, look)` and `describe…` functions. */
export const DRAWING: string = String.raw`
const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const key in attributes) if (attributes[key] !== undefined) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  return made;
}

function shownTime(ms) {
  if (ms < 10) return ms.toFixed(2) + " ms";
  if (ms < 1000) return ms.toFixed(0) + " ms";
  if (ms < 120000) return (ms / 1000).toFixed(2) + " s";
  const minutes = Math.floor(ms / 60000);
  return minutes < 120 ? minutes + " min " + Math.floor((ms % 60000) / 1000) + " s"
    : Math.floor(minutes / 60) + " h " + (minutes % 60) + " min";
}

const plural = (count, thing) => count.toLocaleString("en-US") + " " + thing + (count === 1 ? "" : "s");

function columnsOf(width) {
  const labels = 150;
  const free = width - labels - 8;
  const client = Math.round(labels + free * 0.37);
  return { time: 66, owed: 76, owedWidth: 52, bracket: 140, labels, text: labels + 30, client,
    server: Math.round(client + free * 0.22), end: width - 8 };
}

function fit(text, pixels, wide) {
  const most = Math.max(4, Math.floor(pixels / wide));
  return text.length <= most ? text : text.slice(0, most - 1) + "…";
}

function sentText(exchange) {
  return exchange.command === "text" ? "text, " + plural(exchange.bytes, "octet") + ", \".\"" : exchange.line;
}

function replyText(exchange) {
  const lines = exchange.text.split("\n");
  return lines[0] + (lines.length > 1 ? " (+" + plural(lines.length - 1, "line") + ")" : "");
}

const hueOf = (seq) => (seq > 0 ? "m" + (seq % HUES) : "m-none");

function runs(words) {
  const found = [];
  for (const word of words) {
    const previous = found[found.length - 1];
    if (previous && previous[0] === word) previous[1]++;
    else found.push([word, 1]);
  }
  return found.map(([word, times]) => (times > 1 ? word + "×" + times : word)).join(" ");
}

function groupFacts({ group, exchanges }) {
  const answered = exchanges.filter((each) => each.answered).length;
  const owed = exchanges.length - answered;
  const greeting = exchanges.length === 1 && exchanges[0].sent === null;
  const commands = exchanges.filter((each) => each.sent !== null).length;
  return (greeting ? "the greeting" : plural(commands, "command") + ", " + plural(group.bytes, "octet"))
    + (group.end === null ? ", open" : ", " + shownTime(group.end - group.start))
    + (owed > 0 ? ", " + owed + " unanswered" : "");
}

function describeGroup(shown) {
  const refused = shown.exchanges.filter((each) => each.refused).length;
  const messages = shown.group.seqs;
  return "Group " + shown.group.id + ", at " + shownTime(shown.time) + ": " + groupFacts(shown)
    + (refused > 0 ? ", " + refused + " refused" : "")
    + (messages.length > 0 ? "; messages " + messages.join(", ") : "")
    + (shown.group.error ? "; " + shown.group.error : "")
    + ". " + runs(shown.exchanges.map((each) => each.command));
}

function describeExchange(exchange) {
  const sent = exchange.sent === null ? "The greeting" : sentText(exchange);
  const reply = exchange.answered
    ? exchange.code + " " + exchange.text + (exchange.sent === null ? "" : "\n" + shownTime(exchange.replied - exchange.sent) + " later")
    : exchange.lost ? "never answered: " + (exchange.group.error || "the connection ended") : "not answered yet";
  return sent + "\n" + reply
    + (exchange.seq > 0 ? "\nmessage " + exchange.seq : "") + ", group " + exchange.group.id;
}

function arrow(x0, y0, x1, y1, kind) {
  const made = element("g", { class: "arrow " + kind });
  if (kind === "out dashed") {
    // Nobody knows whether it arrived.
    made.append(element("line", { x1: x0, y1: y0, x2: x1, y2: y1 }));
    return made;
  }
  const length = Math.hypot(x1 - x0, y1 - y0) || 1;
  const [dx, dy] = [(x1 - x0) / length, (y1 - y0) / length];
  made.append(element("line", { x1: x0, y1: y0, x2: x1 - dx * 5, y2: y1 - dy * 5 }));
  const [bx, by] = [x1 - dx * 7, y1 - dy * 7];
  made.append(element("polygon", { points:
    [[x1, y1], [bx - dy * 2.6, by + dx * 2.6], [bx + dy * 2.6, by - dx * 2.6]]
      .map((point) => point.map((each) => each.toFixed(1)).join(",")).join(" ") }));
  return made;
}

function drawExchange(exchange, at, look) {
  const { seq, shown } = exchange;
  const kinds = ["exchange", hueOf(seq)];
  if (exchange.refused) kinds.push("refused");
  if (exchange.lost) kinds.push("lost");
  if (look.dims(seq)) kinds.push("dim");
  const made = element("g", { class: kinds.join(" "), "data-group": shown.group.id, "data-exchange": exchange.index });
  if (!shown.folded) made.append(element("title", {}, describeExchange(exchange)));
  if (exchange.ySent !== undefined) {
    made.append(arrow(at.client, exchange.ySent, at.server, exchange.yArrive, exchange.answered ? "out" : "out dashed"));
  }
  if (exchange.yLeft !== undefined) {
    const text = fit(sentText(exchange), at.client - at.text - 24, look.wide);
    if (seq > 0) {
      made.append(element("rect", { class: "badge", x: at.labels, y: exchange.yLeft - 7, width: 25, height: 14, rx: 3 }),
        element("text", { class: "badge", x: at.labels + 12.5, y: exchange.yLeft + 3.5 }, seq));
    }
    made.append(element("text", { class: "line", x: at.text, y: exchange.yLeft + 4 }, text),
      element("polyline", { class: "leader", points:
        [at.text + text.length * look.wide + 6, exchange.yLeft, at.client - 12, exchange.yLeft, at.client, exchange.ySent].join(" ") }));
  }
  if (exchange.yBack !== undefined) made.append(arrow(at.server, exchange.yLeave, at.client, exchange.yBack, "in"));
  if (exchange.yRight !== undefined) drawReply(made, exchange, at, look);
  return made;
}

function drawReply(made, exchange, at, look) {
  const { shown, yRight } = exchange;
  const x = at.server + 22;
  made.append(element("polyline", { class: "leader", points: [at.server, exchange.yLeave, at.server + 12, yRight, x - 4, yRight].join(" ") }));
  if (shown.folded) {
    const codes = runs(shown.exchanges.map((each) => (each.answered ? String(each.code) : "–")));
    made.append(element("text", { class: "line code", x, y: yRight + 4 }, fit(codes, at.end - x, look.wide)));
    return;
  }
  if (!exchange.answered) {
    made.append(element("text", { class: "line never", x, y: yRight + 4 }, "never answered"));
    return;
  }
  const took = exchange.sent === null ? "" : shownTime(exchange.replied - exchange.sent);
  const room = at.end - x - 4 * look.wide - (took.length + 1) * look.wide;
  made.append(element("text", { class: "line code", x, y: yRight + 4 }, exchange.code),
    element("text", { class: "line", x: x + 4 * look.wide, y: yRight + 4 }, fit(replyText(exchange), room, look.wide)),
    element("text", { class: "took", x: at.end, y: yRight + 4 }, took));
}

function drawGroup(shown, at, look) {
  const { group, y, y1, folded } = shown;
  const dim = (group.seqs.length > 0 ? group.seqs : [0]).every((seq) => look.dims(seq));
  const made = element("g", { class: "group" + (dim ? " dim" : "") + (group.error ? " lost" : ""), "data-group": group.id });
  if (look.current === group.id) {
    made.append(element("rect", { class: "current", x: at.bracket - 6, y: y - ROW / 2 - 1, width: at.client - at.bracket, height: y1 - y + ROW / 2 + 2, rx: 4 }));
  }
  const head = [folded ? "▸" : "▾", "Group " + group.id];
  const facts = folded ? runs(shown.exchanges.map((each) => each.command)) + ", " + groupFacts(shown) : groupFacts(shown);
  const x = at.labels + (head[1].length + 3.4) * look.wide;
  made.append(
    element("rect", { class: "hit", x: at.bracket - 6, y: y - ROW / 2, width: at.client - at.bracket, height: ROW }),
    element("text", { class: "head", x: at.labels, y: y + 4 }, head.join(" ")),
    element("text", { class: "facts", x, y: y + 4 }, fit(facts, at.client - x - 8, look.wide * 0.92)),
    element("text", { class: "time", x: at.time, y: y + 4 }, shownTime(shown.time)),
    element("path", { class: "bracket", d: "M" + (at.bracket + 5) + " " + (y - 5) + "H" + at.bracket + "V" + (y1 - 3) + "H" + (at.bracket + 5) }));
  made.append(element("title", {}, describeGroup(shown)));
  return made;
}

function drawNote(note, at) {
  const made = element("g", { class: "note note-" + (note.skip ? "skip" : note.kind) });
  const text = note.skip ? plural(note.count, "group") + " not shown" : note.text;
  made.append(element("line", { x1: at.bracket, x2: at.end, y1: note.y, y2: note.y }),
    element("text", { class: "time", x: at.time, y: note.y + 4 }, shownTime(note.time)));
  const label = element("text", { class: "note", x: at.labels, y: note.y + 4 }, fit(text, at.end - at.labels, 6.6));
  label.append(element("title", {}, text));
  made.append(label);
  return made;
}

const FATES = { deferred: "failed for now", refused: "failed for good" };

function drawSettled(settled, at, look) {
  const { y, messages } = settled;
  const kinds = new Set(messages.flatMap(({ fates }) => Object.keys(fates)));
  const dim = messages.every(({ seq }) => look.dims(seq));
  const made = element("g", { class: "settled " + (kinds.size === 1 ? [...kinds][0] : "mixed") + (dim ? " dim" : "") });
  const lines = messages.slice(0, 20).map(({ seq, id, fates }) => "message " + seq + " (" + id + ") settled: "
    + Object.keys(fates).map((kind) => fates[kind] + " " + (FATES[kind] || kind)).join(", "));
  if (messages.length > lines.length) lines.push("and " + (messages.length - lines.length) + " more");
  made.append(element("title", {}, lines.join("\n")),
    element("path", { d: "M" + at.client + " " + (y - 5) + "l5 5l-5 5l-5 -5z" }));
  return made;
}

function drawOwed(picture, at, from, to) {
  const across = (owed) => at.owed + (owed / picture.most) * at.owedWidth;
  let path = "";
  let before = 0;
  for (const [y, owed] of picture.owed) {
    if (y >= from && y <= to) {
      if (path === "") path = "M" + at.owed + " " + from + "H" + across(before).toFixed(1);
      path += "V" + y.toFixed(1) + "H" + across(owed).toFixed(1);
    } else if (y > to) break;
    before = owed;
  }
  if (path === "") path = "M" + at.owed + " " + from + "H" + across(before).toFixed(1);
  return element("path", { class: "owed", d: path + "V" + Math.min(to, picture.end) + "H" + at.owed + "Z" });
}

function drawPicture(svg, picture, from, to, width, look) {
  const at = columnsOf(width);
  const seen = (each) => each.y1 >= from && each.y0 <= to;
  const near = (each) => each.y >= from - ROW && each.y <= to + ROW;
  const parts = [element("line", { class: "axis", x1: at.owed, x2: at.owed, y1: from, y2: to }), drawOwed(picture, at, from, to)];
  for (const x of [at.client, at.server]) {
    parts.push(element("line", { class: "life", x1: x, x2: x, y1: Math.max(0, from), y2: Math.min(to, picture.end) }));
  }
  for (const each of picture.breaks.filter(seen)) {
    for (const x of [at.client, at.server]) parts.push(element("line", { class: "gap", x1: x, x2: x, y1: each.y0, y2: each.y1 }));
    parts.push(element("text", { class: "time gap", x: at.time, y: (each.y0 + each.y1) / 2 + 4 }, "+" + shownTime(each.ms)));
  }
  for (const each of picture.groups.filter(seen)) parts.push(drawGroup(each, at, look));
  for (const each of picture.exchanges.filter(seen)) parts.push(drawExchange(each, at, look));
  for (const each of picture.settled.filter(near)) parts.push(drawSettled(each, at, look));
  for (const each of picture.notes.filter(near)) parts.push(drawNote(each, at));
  svg.setAttribute("viewBox", [0, from, width, to - from].join(" "));
  svg.setAttribute("width", width);
  svg.setAttribute("height", to - from);
  svg.style.top = from + "px";
  svg.replaceChildren(...parts);
}

function drawColumns(svg, picture, width) {
  const at = columnsOf(width);
  svg.setAttribute("width", width);
  svg.replaceChildren(
    element("text", { class: "column end", x: at.time, y: 17 }, "time"),
    element("text", { class: "column", x: at.owed, y: 17 }, "owed ≤ " + picture.most),
    element("text", { class: "column", x: at.labels, y: 17 }, "commands, by group"),
    element("text", { class: "column middle", x: at.client, y: 17 }, "client"),
    element("text", { class: "column middle", x: at.server, y: 17 }, "server"),
    element("text", { class: "column", x: at.server + 40, y: 17 }, "replies"),
    element("text", { class: "column end", x: at.end, y: 17 }, "after"));
}
`;
