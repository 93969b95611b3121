// A part of the page's script: where everything in the picture stands. Pure: no element is touched here.
//
// Things happen at times, and time runs down, `scale` pixels a millisecond. What would overlap pushes the rest down,
// and a stretch in which nothing happens is cut short. Labels stand in a column on each side, one below the other;
// each group begins below the labels of the one before it.

/** Defines `layout(session, view)`. */
export const LAYOUT: string = `
const ROW = 17;
const SPREAD = 3;
const LONGEST_GAP = 90;
const RANK = { arrive: 0, leave: 1, lost: 1, back: 2, settled: 3, note: 4, skip: 4, group: 5, sent: 6 };

function exchangeOf(group, index) {
  const [command, line, sent, bytes, seq, replied, code, text] = group.exchanges[index];
  const answered = replied !== undefined;
  return { group, index, command, line, sent, bytes, seq, answered, replied, code, text,
    refused: answered && code >= 400, lost: !answered && group.end !== null };
}

function happenings(session, view) {
  const list = [];
  const half = session.roundTrip / 2;
  const add = (time, kind, thing) => list.push({ time, kind, thing, rank: RANK[kind] });
  let skipped;
  for (const group of session.groups) {
    if (view.matches && !group.seqs.some((seq) => view.matches.has(seq))) {
      if (skipped) skipped.count++;
      else add(group.start, "skip", (skipped = { count: 1 }));
      continue;
    }
    skipped = undefined;
    const exchanges = group.exchanges.map((_, index) => exchangeOf(group, index));
    const shown = { group, exchanges, folded: view.folded.has(group.id) };
    add(group.start, "group", shown);
    for (const exchange of exchanges) {
      exchange.shown = shown;
      const arrival = exchange.sent === null ? group.start : exchange.sent + half;
      if (exchange.sent !== null) {
        add(exchange.sent, "sent", exchange);
        add(arrival, "arrive", exchange);
      }
      if (exchange.answered) {
        add(Math.max(exchange.replied - half, arrival), "leave", exchange);
        add(Math.max(exchange.replied, arrival), "back", exchange);
      } else if (exchange.lost) add(Math.max(group.end, arrival), "lost", exchange);
    }
  }
  for (const [time, kind, text] of session.notes) add(time, "note", { kind, text });
  for (const [time, seq, id, fates] of session.settled) {
    if (view.matches && !view.matches.has(seq)) continue;
    const last = list[list.length - 1];
    if (last && last.kind === "settled" && time - last.time < 0.5) last.thing.messages.push({ seq, id, fates });
    else add(time, "settled", { messages: [{ seq, id, fates }] });
  }
  return list.sort((a, b) => a.time - b.time || a.rank - b.rank);
}

function layout(session, view) {
  const base = session.roundTrip > 0 ? Math.min(52 / session.roundTrip, 200) : 20;
  const scale = base * view.zoom;
  const longest = LONGEST_GAP * view.zoom;
  const picture = { groups: [], exchanges: [], notes: [], settled: [], breaks: [], owed: [[0, 0]], most: 1, times: [] };
  const last = { sent: -ROW, arrive: -ROW, leave: -ROW, back: -ROW };
  let y = ROW;
  let time;
  let left = 0;
  let right = 0;
  let owed = 0;
  const owe = (more) => {
    owed += more;
    picture.most = Math.max(picture.most, owed);
    picture.owed.push([y, owed]);
  };
  const labelLeft = () => (left = Math.max(y + ROW / 2, left + ROW)) - ROW / 2;
  const labelRight = () => (right = Math.max(y + ROW / 2, right + ROW)) - ROW / 2;

  for (const happening of happenings(session, view)) {
    const { kind, thing } = happening;
    const gap = time === undefined ? 0 : (happening.time - time) * scale;
    if (gap > longest) picture.breaks.push({ y0: y + longest * 0.25, y1: y + longest * 0.75, ms: happening.time - time });
    y += Math.min(gap, longest);
    time = happening.time;
    if (kind in last) y = last[kind] = Math.max(y, last[kind] + SPREAD);

    if (kind === "group") {
      y = Math.max(y, left + ROW / 2 + 10);
      Object.assign(thing, { y, y0: y - ROW / 2, y1: y + ROW / 2, time, answers: 0 });
      left = y + ROW / 2;
      picture.groups.push(thing);
      if (thing.exchanges.length > 0 && thing.exchanges[0].sent === null) owe(1);
    } else if (kind === "sent") {
      if (thing.index === 0) y = last.sent = Math.max(y, thing.shown.folded ? y : left + ROW / 2);
      thing.ySent = thing.y0 = thing.y1 = y;
      if (!thing.shown.folded) {
        thing.yLeft = labelLeft();
        thing.shown.y1 = left;
      }
      picture.exchanges.push(thing);
      owe(1);
    } else if (kind === "arrive") {
      thing.yArrive = y;
    } else if (kind === "leave" || kind === "lost") {
      const first = thing.shown.answers++ === 0;
      if (first) y = Math.max(y, right + ROW / 2 + 4);
      if (kind === "leave") last.leave = y;
      thing.yLeave = y;
      if (thing.sent === null) picture.exchanges.push(thing);
      if (!thing.shown.folded || first) thing.yRight = labelRight();
      if (kind === "lost") owe(-1);
    } else if (kind === "back") {
      thing.yBack = y;
      owe(-1);
    } else if (kind === "settled") {
      picture.settled.push(Object.assign(thing, { y, time }));
    } else {
      y = Math.max(y, left + ROW / 2 + 4, right + ROW / 2 + 4);
      left = right = y + ROW / 2 + 4;
      picture.notes.push(Object.assign(thing, { y, time, skip: kind === "skip" }));
    }
  }
  for (const exchange of picture.exchanges) {
    const { ySent, yArrive, yLeave, yBack, yLeft, yRight } = exchange;
    const all = [ySent, yArrive, yLeave, yBack, yLeft, yRight].filter((each) => each !== undefined);
    exchange.y0 = Math.min(...all) - ROW;
    exchange.y1 = Math.max(...all) + ROW;
  }
  picture.end = y;
  picture.height = Math.ceil(Math.max(y, left, right) + ROW);
  return picture;
}
`;
