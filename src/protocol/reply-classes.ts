import type { ReplyClass } from "./classify.ts";

// What refusals of the field say, as data. Addresses and URLs are taken out of a text before it is looked at.

/** What an enhanced status code (RFC 3463, and IANA's registry) says by itself, of 4yz and 5yz. */
export const BY_ENHANCED: Readonly<Record<string, ReplyClass>> = {
  "4.2.2": "mailbox-full",
  "5.2.2": "mailbox-full",
  "5.1.1": "bad-address",
  "5.1.2": "bad-address",
  "5.1.3": "bad-address",
  "5.1.6": "bad-address",
  "5.1.10": "bad-address",
  "5.2.1": "bad-address",
  // What a sender may send in a day, and has: Gmail, Exchange Online.
  "5.4.5": "rate-limit",
  "4.7.28": "rate-limit",
  "4.7.500": "rate-limit",
  "4.7.650": "rate-limit",
  "4.7.651": "rate-limit",
  "4.7.652": "rate-limit",
};

/** The classes of a text, by the first pattern that it has; `codes` are the first digits that it goes for. */
export const BY_TEXT: readonly {
  readonly class: ReplyClass;
  readonly codes: "4" | "5" | "45";
  readonly pattern: RegExp;
}[] = [
  {
    class: "mailbox-full",
    codes: "45",
    pattern:
      /\b(?:over[ -]?quota|quota (?:is |has been )?(?:full|exceeded|reached)|exceed\w* (?:\w+ ){0,3}(?:quota|storage|mailbox size|disk)|out of storage|(?:mail ?box|inbox|account|folder|disk|storage)(?: \w+){0,3} full|not enough (?:\w+ )?(?:space|storage))\b/i,
  },
  {
    class: "greylisted",
    codes: "4",
    pattern: /gr[ea]y-?[ -]?list|postgrey|\bfirst (?:time|contact|seen)\b.{0,60}\b(?:again|later|retry)\b/i,
  },
  {
    class: "rate-limit",
    codes: "4",
    pattern:
      /\b(?:rate[ -]?limit\w*|throttl\w+|slow(?:ing)? down|too (?:quickly|fast|frequent\w*)|too (?:many|much) (?:\w+ ){0,2}(?:messages?|mails?|e-?mails?|connections?|sessions?|recipients?|requests?|deliver\w+|attempts|errors|transactions?)|unusual rate|unexpected volume|(?:connection|concurrency|sending|message|hourly|daily|rate|sender|mail) (?:\w+ )?(?:limit|rate|quota)s? (?:\w+ ){0,2}(?:exceeded|reached)|exceed\w* (?:\w+ ){0,4}(?:limit|rate|maximum|number of (?:\w+ )?(?:connections|messages|recipients))|at a rate that)\b/i,
  },
  {
    class: "policy",
    codes: "45",
    pattern:
      /\b(?:spam\w*|unsolicited|junk|bulk mail|block-?listed|black-?listed|(?:block|black)[ -]?list|dnsbl|rbl|blocked|banned|reputation|spf|dkim|dmarc|unauthenticated|policy|policies|virus|malware|phish\w*|reverse dns|ptr|rdns|rejected for|content rejected|message rejected|complaints|relay(?:ing)? (?:access )?(?:denied|not|prohibited)|access denied|not (?:permitted|authori[sz]ed|allowed))\b/i,
  },
  {
    class: "bad-address",
    codes: "5",
    pattern:
      /\b(?:(?:no such|unknown|invalid|bad|non-?existent|unrouteable|undeliverable) (?:\w+ )?(?:user|recipient|mailbox|address|account|local part|destination|person|domain)|(?:user|mailbox|recipient|address|account|domain)(?: \w+){0,3} (?:unknown|not found|invalid|not exist|doesn't exist|not known|not here|disabled|inactive|suspended|unavailable|not available|rejected)|(?:does not|doesn't) (?:exist|have (?:an?|any) )|no mailbox|not a valid (?:\w+ )?(?:user|recipient|mailbox|address)|not our customer|is not local)\b/i,
  },
];
