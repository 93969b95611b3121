import type { Message } from "smtp-pipelining";
import { attachRecorder, type Recorder } from "smtp-pipelining/recorder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Browser, openPage, type Page, skipsChromium, startChromium } from "../support/chromium.ts";
import { startTestServer } from "../support/embedded-server.ts";
import { pool } from "../support/event-pool.ts";
import { recorded } from "../support/recorded.ts";
import { hello, message } from "../support/scripted-peer.ts";

const EVIL = '</script><img src=x onerror="alert(1)">';
const EVIL_ADDRESS = '"</script><img src=x onerror=alert(2)>"@example.net';

/** Three messages: one to some, one whose fate is unknown, one that was lost; and what must stay text. */
function conversationWithEverything(): Promise<Recorder> {
  return recorded(
    [
      message(1, { to: ["b1@example.net", EVIL_ADDRESS, "c1@example.net"] }),
      message(2),
      message(3, { id: "<i>m3</i>" }),
    ],
    `
    ${hello("PIPELINING", "8BITMIME")}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<${EVIL_ADDRESS}>
    C: RCPT TO:<c1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 550 ${EVIL}
    S: 450 4.2.0 later, please
    S: 354 go on
    C: Text 1
    C: .
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 2.0.0 taken
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    C: RSET
    C: MAIL FROM:<a3@example.org>
    C: RCPT TO:<b3@example.net>
    C: DATA
    -- close
    `,
    { title: "Everything" },
  );
}

/** What a script in the page finds of each element that fits a selector: `each`. */
async function all(page: Page, selector: string, find: string): Promise<string[]> {
  const script = `[...document.querySelectorAll(${JSON.stringify(selector)})].map((each) => String(${find}))`;
  return (await page.evaluate(script)) as string[];
}

async function only(page: Page, selector: string, find = "each.textContent"): Promise<string> {
  const found = await all(page, selector, find);
  expect(found, selector).toHaveLength(1);
  return found[0] ?? "";
}

/** The texts of elements of the picture that are drawn now, without what is shown when one points at them. */
function drawn(page: Page, selector: string): Promise<string[]> {
  return all(page, `#drawing ${selector}`, "each.firstChild.data");
}

async function count(page: Page, selector: string): Promise<number> {
  return (await all(page, selector, "1")).length;
}

/** What a reader sees of the table, a line per recipient. */
async function fates(page: Page): Promise<string[]> {
  const found = await all(page, ".fates li", "each.checkVisibility() ? each.innerText : ''");
  return found.filter((text) => text !== "").map((text) => text.replace(/\s+/g, " "));
}

describe.skipIf(skipsChromium)("the page in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser?.close());

  test("shows every fate and every group, asks for nothing, and runs nothing that came from outside", async () => {
    const recorder = await conversationWithEverything();
    const { page, complaints } = await openPage(browser, recorder.html());
    expect(await fates(page)).toEqual([
      "succeeded b1@example.net 250 2.0.0 taken",
      `failed, rcpt ${EVIL_ADDRESS} 550 ${EVIL}`,
      "failed, rcpt, retryable c1@example.net 450 4.2.0 later, please",
      expect.stringMatching(/^unknown b2@example\.net ESMTP_CONNECTION_LOST: /),
      expect.stringMatching(/^failed, connection, retryable b3@example\.net ESMTP_CONNECTION_LOST: /),
    ]);
    expect(await drawn(page, "text.head")).toEqual([1, 2, 3, 4, 5].map((id) => `▾ Group ${id}`));
    expect(await count(page, "img, iframe, link, script[src]")).toBe(0);
    expect(await only(page, "h1")).toBe("Everything");
    expect(complaints).toEqual([]);
  });

  test("draws each command and reply: refused ones red, lost ones dashed, what was owed beside them", async () => {
    const recorder = await conversationWithEverything();
    const { page } = await openPage(browser, recorder.html());
    const lines = await drawn(page, ".exchange text.line");
    expect(lines).toContain("RCPT TO:<b2@example.net>");
    expect(lines).toContain('text, 11 octets, "."');
    expect(lines).toContain("2.0.0 taken");
    expect(lines.filter((line) => line === "never answered")).toHaveLength(5);
    const [refused] = await all(page, "#drawing .exchange.refused .in line", "getComputedStyle(each).stroke");
    expect(refused).toBe("rgb(198, 42, 31)");
    const dashes = await all(
      page,
      "#drawing .exchange.lost .out line",
      "getComputedStyle(each).strokeDasharray",
    );
    expect(dashes).toEqual(Array(5).fill("4px, 3px"));
    // 16 commands before the end; greeting, EHLO and 5 + 5 + 5 of three messages.
    expect(await count(page, "#drawing .exchange .out")).toBe(16);
    expect(await count(page, "#drawing .exchange .in")).toBe(12);
    expect(await only(page, "#columns")).toContain("owed ≤ 5");
    // Only what is in view is drawn, and how tall the picture is depends on how long it took.
    const notes = new Set(await drawn(page, "text.note"));
    await page.evaluate('document.querySelector("#scroll").scrollTop = 1e9');
    await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))");
    for (const note of await drawn(page, "text.note")) notes.add(note);
    expect([...notes]).toEqual([
      expect.stringContaining("connecting to 127.0.0.1:"),
      "connected to 127.0.0.1",
      "ready",
      expect.stringContaining("ESMTP_CONNECTION_LOST"),
      "closed: server",
    ]);
  });

  test("a filter leaves the messages that fit, and the groups that carried them", async () => {
    const recorder = await conversationWithEverything();
    const { page, complaints } = await openPage(browser, recorder.html());
    await page.type("#filter", "unknown");
    expect(await fates(page)).toEqual([expect.stringMatching(/^unknown b2/)]);
    expect(await drawn(page, "text.head")).toEqual(["▾ Group 4", "▾ Group 5"]);
    expect(await only(page, "#shown")).toBe("2 of 5 groups, 1 of 3 messages");
    expect(await count(page, "#drawing .exchange:not(.dim)")).toBe(5);
    await page.evaluate('document.querySelector("#filter").value = ""');
    await page.type("#filter", "#1");
    expect((await fates(page)).length).toBe(3);
    expect(await drawn(page, "text.head")).toEqual(["▾ Group 3", "▾ Group 4"]);
    expect(complaints).toEqual([]);
  });

  test("a click on a message marks it in the picture, one on a group goes there", async () => {
    const recorder = await conversationWithEverything();
    const { page } = await openPage(browser, recorder.html());
    await page.click('tr[data-seq="2"] .mark');
    await page.waitForFunction('document.querySelector("#drawing .exchange.dim") !== null');
    const bright = await drawn(page, ".exchange:not(.dim) text.badge");
    expect(new Set(bright)).toEqual(new Set(["2"]));
    expect(await only(page, 'tr[data-seq="2"] .mark', "each.ariaPressed")).toBe("true");
    await page.click('tr[data-seq="1"] button[data-group="4"]');
    expect(await only(page, "#detail")).toMatch(/^Group 4, at .*messages 1, 2\. /);
    await page.click("#unmark");
    await page.waitForFunction('document.querySelector("#drawing .dim") === null');
  });

  test("works from the keyboard: from group to group, folded and unfolded, nearer and farther", async () => {
    const recorder = await conversationWithEverything();
    const { page } = await openPage(browser, recorder.html());
    await page.focus("#scroll");
    for (const key of ["j", "j", "j", "k", "j"] as const) await page.keyboard.press(key);
    expect(await only(page, "#detail")).toMatch(/^Group 3, .*1 refused|2 refused/);
    await page.keyboard.press("Enter");
    expect(await drawn(page, "text.head")).toContain("▸ Group 3");
    expect(await drawn(page, "text.code")).toContain("250×2 550 450 354");
    expect(await drawn(page, "text.line")).not.toContain("RCPT TO:<b1@example.net>");
    await page.keyboard.press("Enter");
    expect(await drawn(page, "text.line")).toContain("RCPT TO:<b1@example.net>");
    const height = (): Promise<number> => only(page, "#space", "each.clientHeight").then(Number);
    const before = await height();
    await page.keyboard.press("+");
    expect(await height()).toBeGreaterThan(before);
  });

  test("without a script it shows the head and the table; in the dark it is dark; on paper all is drawn", async () => {
    const recorder = await conversationWithEverything();
    const plain = await openPage(browser, recorder.html(), false);
    expect(await fates(plain.page)).toHaveLength(5);
    const text = await only(plain.page, "body", "each.innerText");
    expect(text).toContain("The picture needs JavaScript");
    expect(text).toContain("5 recipients");
    expect(text).not.toContain("Fold groups");

    const { page } = await openPage(browser, recorder.html());
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
    expect(await only(page, "body", "getComputedStyle(each).backgroundColor")).toBe("rgb(20, 23, 27)");
    await page.emulateMediaType("print");
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    const height = "each.getBoundingClientRect().height";
    const drawing = await only(page, "#drawing", height);
    expect(await only(page, "#space", height)).toBe(drawing);
    expect(await only(page, "#drawing", "each.getAttribute('width')"), "fits a sheet").toBe("1000");
  });

  test("a long conversation draws what is in view, and no more", async () => {
    const server = await startTestServer({ record: false });
    const session = server.session();
    const recorder = attachRecorder(session);
    const messages = Array.from({ length: 1_500 }, (_, i): Message => message(i + 1));
    for await (const _ of session.deliver(messages));
    await session.quit();
    const { page, complaints } = await openPage(browser, recorder.html());
    expect(await only(page, "#shown")).toBe("1,504 groups");
    expect(await count(page, "#drawing *")).toBeLessThan(2_500);
    const first = await drawn(page, "text.head");
    expect(first[0]).toBe("▾ Group 1");
    await page.evaluate("scroll.scrollTop = scroll.scrollHeight");
    await page.waitForFunction(
      'document.querySelector("#drawing")?.textContent?.includes("closed: quit") === true',
    );
    expect((await drawn(page, "text.head")).at(-1)).toBe("▾ Group 1504");
    expect(await count(page, "#drawing *")).toBeLessThan(2_500);
    await page.type("#filter", "777");
    expect(await drawn(page, "text.head")).toHaveLength(2);
    expect(complaints).toEqual([]);
  });

  test("several sessions: one is chosen, its groups are drawn", async () => {
    const { target, open, group } = pool();
    const recorder = attachRecorder(target);
    for (const [n, id] of ["one", "two"].entries()) {
      open(id);
      group(id, 7 + n, 1);
    }
    const { page, complaints } = await openPage(browser, recorder.html());
    expect(await all(page, "#session option", "each.textContent")).toEqual([
      "1. one.example:25",
      "2. two.example:25",
    ]);
    expect(await drawn(page, "text.line")).toEqual(["NOOP 7.0", "250", "ok"]);
    await page.select("#session", "2");
    expect(await drawn(page, "text.line")).toEqual(["NOOP 8.0", "250", "ok"]);
    expect(complaints).toEqual([]);
  });

  test("nothing recorded, or only what came late, is a page too", async () => {
    const { target, message } = pool();
    const recorder = attachRecorder(target);
    const empty = await openPage(browser, recorder.html());
    await empty.page.type("#filter", "x");
    await empty.page.click("#fold");
    await empty.page.click("#zoom-in");
    expect(await only(empty.page, "section[aria-labelledby=summary]")).toContain("nothing has happened yet");
    expect(empty.complaints).toEqual([]);

    message("s", 1, ["b@example.net"]);
    const late = await openPage(browser, recorder.html());
    expect(await fates(late.page)).toEqual(["succeeded b@example.net 250 ok"]);
    expect(await count(late.page, "#drawing .settled.succeeded")).toBe(1);
    expect(late.complaints).toEqual([]);
  });
});
