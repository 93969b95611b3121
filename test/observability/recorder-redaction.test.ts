import { describe, expect, test } from "vitest";
import { pseudonymous } from "../../src/observability/recorder/redaction.ts";
import { pageText, recorded } from "../support/recorded.ts";
import { BYE, HELLO, message } from "../support/scripted-peer.ts";

describe("addresses in a text", () => {
  test.each([
    ["<alice@example.net>: unknown", "<user-1@example.net>: unknown"],
    ["MAIL FROM:<alice.b@example.net> SIZE=10", "MAIL FROM:<user-1@example.net> SIZE=10"],
    ["MAIL FROM:<>", "MAIL FROM:<>"],
    ['RCPT TO:<"a b@c"@example.net>', "RCPT TO:<user-1@example.net>"],
    ["RCPT TO:<bounce+alice=example.net@[192.0.2.1]>", "RCPT TO:<user-1@[192.0.2.1]>"],
    [
      "RCPT TO:<a@b.example> ORCPT=rfc822;c@d.example",
      "RCPT TO:<user-1@b.example> ORCPT=rfc822;user-2@d.example",
    ],
    ["Ask a@example.net, or b@example.net.", "Ask user-1@example.net, or user-2@example.net."],
    ["jürgen@bücher.example", "user-1@bücher.example"],
    ["5.1.1 no address here @ all", "5.1.1 no address here @ all"],
    ["VRFY smith", "VRFY user-1"],
    ["RCPT TO:<Postmaster>", "RCPT TO:<Postmaster>"],
  ])("%s", (given, expected) => {
    expect(pseudonymous().line(given)).toBe(expected);
  });

  test("one address has one pseudonym, whatever its case; a pseudonym is not redacted again", () => {
    const { address, text } = pseudonymous();
    expect(address("Alice@Example.net")).toBe("user-1@Example.net");
    expect(address("bob@example.net")).toBe("user-2@example.net");
    expect(text("alice@example.net and BOB@example.net", ["alice@example.net"])).toBe(
      "user-1@example.net and user-2@example.net",
    );
    expect(address("alice@example.org"), "of another domain").toBe("user-3@example.org");
  });

  test("the local part by itself goes too, where the text is about it, and only as a word", () => {
    const { text } = pseudonymous();
    const about = ["al.ice@example.net"];
    expect(text("5.1.1 Al.Ice: no such user (al.ice)", about)).toBe("5.1.1 user-1: no such user (user-1)");
    expect(text("al.icex, xal.ice, al-ice, alxice", about)).toBe("al.icex, xal.ice, al-ice, alxice");
    expect(text("2.1.5 from 2 to 2.1", ["2@example.net"])).toBe("2.1.5 from user-2 to 2.1");
    expect(text("(x+y) [a]: .*", ["(x+y)@example.net", "no address"])).toContain(": .*");
  });
});

test("nothing on a redacted page has a local part; domains, codes and words stay", async () => {
  const recorder = await recorded(
    [],
    `
    ${HELLO}
    C: MAIL FROM:<secret-sender@example.org>
    C: RCPT TO:<secret-alice@example.net>
    C: RCPT TO:<secret-bob@example.net>
    C: DATA
    S: 250 secret-sender may send
    S: 250 ok
    S: 550 5.1.1 Secret-Bob is gone, try secret-carol@elsewhere.example
    S: 354 go on
    C: Text 1
    C: .
    S: 250 taken for secret-alice
    C: VRFY secret-dave
    S: 250 Secret Dave <secret-dave@example.net>
    ${BYE}`,
    { redactAddresses: true },
    {
      run: async ({ session, send }) => {
        await send(
          message(1, {
            from: "secret-sender@example.org",
            to: ["secret-alice@example.net", "secret-bob@example.net", "secret without at"],
            id: "for secret-alice@example.net",
          }),
        );
        await session.verify("secret-dave");
      },
    },
  );
  const html = recorder.html();
  expect(html.toLowerCase()).not.toContain("secret");
  const [, alice = ""] = /for (user-\d+)@example\.net/.exec(html) ?? [];
  expect(alice).toMatch(/^user-\d+$/);
  const text = pageText(html);
  expect(text).toContain(`succeeded ${alice}@example.net 250 taken for ${alice}`);
  expect(text).toMatch(
    /failed, rcpt (user-\d+)@example\.net 550 5\.1\.1 \1 is gone, try user-\d+@elsewhere\.example/,
  );
  expect(text).toContain("The local parts of addresses are pseudonyms");
  expect(html).toContain(`RCPT TO:\\u003c${alice}@example.net>`);
});
