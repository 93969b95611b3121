// A part of the page's script: what the reader does, and what is in view then.

/** Runs the picture. */
export const CONTROLS: string = String.raw`
const sessions = JSON.parse(document.getElementById("recording").textContent);
const get = (id) => document.getElementById(id);
const [scroll, space, drawing, columns, detail] = ["scroll", "space", "drawing", "columns", "detail"].map(get);
const rows = [...document.querySelectorAll("tr.message")];
const NOTHING = { number: 0, roundTrip: 0, notes: [], groups: [], settled: [] };
const view = { session: sessions[0] || NOTHING, zoom: 1, folded: new Set(), matches: null, mark: 0, current: 0 };
// Pixels that fit on a sheet, made smaller by the style sheet.
const PAPER = 1000;
let picture;
let width = 0;
let due = false;
let printing = false;

function letterWidth() {
  const probe = element("text", { class: "line" }, "x".repeat(50));
  drawing.append(probe);
  const wide = probe.getComputedTextLength() / 50;
  probe.remove();
  return wide || 7;
}
const wide = letterWidth();

function draw() {
  due = false;
  const from = printing ? 0 : Math.max(0, Math.min(scroll.scrollTop, picture.height - scroll.clientHeight) - 300);
  const to = printing ? picture.height : Math.min(picture.height, from + scroll.clientHeight + 600);
  const dims = (seq) => (view.mark > 0 && seq !== view.mark) || (view.matches !== null && !view.matches.has(seq));
  drawPicture(drawing, picture, from, to, width, { dims, current: view.current, wide });
}

function drawSoon() {
  if (due) return;
  due = true;
  requestAnimationFrame(draw);
}

function arrange() {
  width = printing ? PAPER : Math.max(900, scroll.clientWidth);
  picture = layout(view.session, view);
  space.style.height = picture.height + "px";
  space.style.width = width + "px";
  drawColumns(columns, picture, width);
  draw();
  const groups = view.session.groups.length;
  const hidden = rows.filter((row) => row.hidden).length;
  get("shown").textContent = view.matches === null ? plural(groups, "group")
    : picture.groups.length + " of " + plural(groups, "group") + ", " + (rows.length - hidden) + " of " + plural(rows.length, "message");
  get("fold").textContent = view.folded.size > 0 ? "Unfold groups" : "Fold groups";
}

function choose(number) {
  if (view.session.number === number) return;
  view.session = sessions.find((each) => each.number === number);
  view.folded.clear();
  view.current = 0;
  mark(0);
  get("session").value = String(number);
  filter();
  scroll.scrollTop = 0;
}

function filter() {
  const wanted = get("filter").value.trim().toLowerCase();
  const [, number] = /^#?(\d+)$/.exec(wanted) || [];
  view.matches = wanted === "" ? null : new Set();
  for (const row of rows) {
    const { seq, session } = row.dataset;
    const fits = wanted === "" || (number === undefined ? row.textContent.toLowerCase().includes(wanted) : seq === number);
    row.hidden = !fits;
    if (fits && view.matches && Number(session) === view.session.number) view.matches.add(Number(seq));
  }
  arrange();
}

function mark(seq) {
  view.mark = seq;
  for (const row of rows) {
    const on = seq > 0 && Number(row.dataset.seq) === seq && Number(row.dataset.session) === view.session.number;
    row.classList.toggle("marked", on);
    row.querySelector(".mark").setAttribute("aria-pressed", String(on));
  }
  get("unmark").disabled = seq === 0;
  drawSoon();
}

function go(id, quietly) {
  const shown = picture.groups.find((each) => each.group.id === id);
  if (!shown) return;
  view.current = id;
  detail.textContent = describeGroup(shown);
  if (!quietly) scroll.scrollTop = Math.max(0, shown.y - 60);
  draw();
}

function step(by) {
  const ids = picture.groups.map((each) => each.group.id);
  const now = ids.indexOf(view.current);
  const next = now === -1 ? (by > 0 ? 0 : ids.length - 1) : Math.min(ids.length - 1, Math.max(0, now + by));
  if (ids.length > 0) go(ids[next]);
}

function fold(id) {
  if (!view.folded.delete(id)) view.folded.add(id);
  arrange();
}

function zoom(by) {
  const place = scroll.scrollTop / picture.height;
  view.zoom = Math.min(64, Math.max(1 / 16, view.zoom * by));
  arrange();
  scroll.scrollTop = place * picture.height;
  draw();
}

scroll.addEventListener("scroll", () => {
  columns.style.marginLeft = -scroll.scrollLeft + "px";
  drawSoon();
});
new ResizeObserver(() => {
  if (!printing && Math.max(900, scroll.clientWidth) !== width) arrange();
}).observe(scroll);
get("filter").addEventListener("input", filter);
get("zoom-in").addEventListener("click", () => zoom(1.5));
get("zoom-out").addEventListener("click", () => zoom(1 / 1.5));
get("unmark").addEventListener("click", () => mark(0));
get("fold").addEventListener("click", () => {
  if (view.folded.size > 0) view.folded.clear();
  else for (const { id } of view.session.groups) view.folded.add(id);
  arrange();
});

scroll.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "j" || event.key === "n") step(1);
  else if (event.key === "k" || event.key === "p") step(-1);
  else if (event.key === "Enter" && view.current > 0) fold(view.current);
  else if (event.key === "+" || event.key === "=") zoom(1.5);
  else if (event.key === "-") zoom(1 / 1.5);
  else return;
  event.preventDefault();
});

drawing.addEventListener("click", (event) => {
  const target = event.target.closest("[data-group]");
  if (!target) return;
  const id = Number(target.dataset.group);
  const shown = picture.groups.find((each) => each.group.id === id);
  if (target.dataset.exchange === undefined) {
    fold(id);
    go(id, true);
  } else {
    go(id, true);
    detail.textContent = describeExchange(shown.exchanges[Number(target.dataset.exchange)]);
  }
});

document.querySelector("table").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const row = event.target.closest("tr.message");
  if (!row || String(getSelection()) !== "") return;
  choose(Number(row.dataset.session));
  if (button && button.dataset.group) {
    mark(Number(row.dataset.seq));
    get("picture").scrollIntoView({ block: "start" });
    go(Number(button.dataset.group));
    return;
  }
  mark(view.mark === Number(row.dataset.seq) ? 0 : Number(row.dataset.seq));
});

addEventListener("beforeprint", () => {
  printing = true;
  arrange();
});
addEventListener("afterprint", () => {
  printing = false;
  arrange();
});

for (const each of sessions) {
  const option = document.createElement("option");
  option.value = String(each.number);
  option.textContent = each.number + ". " + each.name;
  get("session").append(option);
}
get("session-choice").hidden = sessions.length < 2;
get("session").addEventListener("change", (event) => choose(Number(event.target.value)));
document.documentElement.classList.add("script");
arrange();
`;
