import type { Message } from "smtp-pipelining";
import { ANSWER, CLOSING, CUT, MAX_SIZE } from "./mail-server.ts";

/** The names under which the metrics tell the two kinds of mail apart. */
export const CLIENTS = ["newsletter", "notices"] as const;
export type Client = (typeof CLIENTS)[number];

/** A message, and who sends it. */
export interface Mail {
  readonly client: Client;
  readonly message: Message;
  /** It goes to a port where nobody listens. */
  readonly nobodyListens: boolean;
}

/** One kind of mail. */
interface Kind {
  /** How many of {@link PERIOD} messages are of this kind. */
  readonly share: number;
  readonly client?: Client;
  readonly from?: string;
  /** The nth message's recipients. Default: one that is welcome. */
  readonly to?: (n: number) => readonly string[];
  /** What the server shall say to the text. Default: 250. */
  readonly answer?: string;
  readonly octets?: number;
  readonly nobodyListens?: boolean;
  readonly aborted?: boolean;
}

const KINDS: readonly Kind[] = [
  { share: 147 },
  { share: 80, client: "newsletter", to: (n) => readers(3 + (n % 10)) },
  { share: 14, client: "newsletter", to: (n) => [...readers(4), `nobody-${n}@example.net`] },
  {
    share: 8,
    client: "newsletter",
    to: (n) => ["busy@example.net", ...readers(2), `nobody-${n}@example.net`],
  },
  { share: 12, to: (n) => [`nobody-${n}@example.net`] },
  { share: 10, to: () => ["busy@example.net"] },
  { share: 5, answer: "552 Mailbox full" },
  { share: 5, answer: "554 Looks like spam" },
  { share: 6, answer: "451 Out of space, try again later", client: "newsletter", to: () => readers(5) },
  { share: 2, to: () => ["no address"] },
  { share: 3, client: "newsletter", to: () => [...readers(2), "two@at@signs"] },
  { share: 2, from: "blocked@example.org" },
  { share: 1, octets: 2 * MAX_SIZE },
  { share: 1, aborted: true },
  { share: 1, nobodyListens: true },
  { share: 1, to: () => [`${CLOSING}@example.net`, "reader@example.net"] },
  { share: 1, answer: CUT },
  { share: 1, answer: CUT, client: "newsletter", to: () => readers(3) },
];

/** After so many messages every kind has occurred. */
const PERIOD: number = KINDS.reduce((sum, { share }) => sum + share, 0);
/** Without a common divisor with the period: spreads the kinds evenly over it. */
const STRIDE = 73;

/** The nth message, from 0: always the same. */
export function mail(n: number): Mail {
  const kind = kindOf((n * STRIDE) % PERIOD);
  const { client = "notices", from = `${client}@example.org`, to = () => readers(1) } = kind;
  const { octets = 500 + ((n * 977) % 30_000), answer, nobodyListens = false, aborted = false } = kind;
  const head = [
    `From: <${from}>`,
    `Subject: number ${n}`,
    ...(answer === undefined ? [] : [`${ANSWER}: ${answer}`]),
  ];
  const message: Message = {
    id: `mail-${n}`,
    from,
    to: to(n),
    data: `${head.join("\r\n")}\r\n\r\n${"So it goes, line by line.\r\n".repeat(octets / 27)}`,
    ...(aborted && { signal: AbortSignal.abort() }),
  };
  return { client, message, nobodyListens };
}

function kindOf(place: number): Kind {
  let above = 0;
  const kind = KINDS.find(({ share }) => {
    above += share;
    return place < above;
  });
  if (kind === undefined) throw new RangeError(`no kind of mail at ${place}`);
  return kind;
}

function readers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `reader-${i + 1}@example.net`);
}
