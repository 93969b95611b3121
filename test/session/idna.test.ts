import { describe, expect, test } from "vitest";
import { asciiForm } from "../../src/session/idna.ts";

describe("the form of an address for a server without SMTPUTF8", () => {
  test.each([
    ["a@bücher.example", "a@xn--bcher-kva.example"], // RFC 3492 §7.1 has the like
    ["A.b+c@Bücher.Example", "A.b+c@xn--bcher-kva.example"],
    ["a@mail.日本", "a@mail.xn--wgv71a"],
    ["a@faß.example", "a@xn--fa-hia.example"], // IDNA 2008: no "ss"
    ["a@日本。example", "a@xn--wgv71a.example"],
    ['"a b"@bücher.example', '"a b"@xn--bcher-kva.example'],
  ])("%s is %s", (address, form) => expect(asciiForm(address)).toBe(form));

  test.each([
    ["is not wanted: it is ASCII", "a@example.org"],
    ["is not wanted: it has A-labels", "a@xn--bcher-kva.example"],
    ["is none: its local part is beyond ASCII", "grüße@bücher.example"],
    ["is none: its local part alone is", "grüße@example.org"],
    ["is none: it is no address", "bücher.example"],
    ["is none: a control character", "a@büc\nher.example"],
    ["is none: a slash in another script", "a@b／c.example"],
    ["is none: an @ in another script", "a@b＠c.example"],
    ["is none: a percent sign in another script", "a@b％41.example"],
    ["is none: an empty label", "a@é。。example"],
    ["is none: a dot behind", "a@é。"],
    ["is none: a label that disappears", "a@\u00ad.example"],
    ["is none: it would be an IP address", "a@１２７.0.0.1"],
    ["is none: a number would be an IP address", "a@１"],
    ["is none: a bad A-label beside", "a@xn--a.é"],
    ["is none: a label too long as an A-label", `a@${"é".repeat(31)}${"x".repeat(30)}é.example`],
  ])("%s: %j", (_, address) => expect(asciiForm(address)).toBeUndefined());
});
