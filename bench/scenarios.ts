import type { Work } from "./client/work.ts";
import { JOURNALED, LIBRARY, PEERS, POOLS, QUEUES, TITLES, type VariantName, WATCHED } from "./variants.ts";

/** One line of a scenario: a client, and what is particular about its work. */
export interface Entry {
  readonly variant: VariantName;
  readonly title: string;
  /** Messages, where they are not those of the scenario. */
  readonly messages?: number;
  /** Fewer messages than the scenario's, and times are scaled up. */
  readonly sample?: number;
  /** Runs the work so many times a round: small work is measured badly. */
  readonly times?: number;
}

export type Column =
  | "time"
  | "rate"
  | "throughput"
  | "ratio"
  | "share"
  | "roundTrips"
  | "perMessage"
  | "processor"
  | "redisProcessor"
  | "adding"
  | "redisMemory"
  | "redisLeft"
  | "peakMemory"
  | "heap";

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly work: Omit<Work, "port">;
  /** Milliseconds to the server and back; through the proxy. Without it the sink is on the same machine. */
  readonly roundTrip?: number;
  /** Messages of the run before the first round, straight to the sink. */
  readonly warmUp: Pick<Work, "messages" | "octets">;
  readonly entries: readonly Entry[];
  /** The title of the entry that the others are compared with. */
  readonly base: string;
  /** Those that wait nearly all the time: they run at the same time. The others run one by one. */
  readonly waiting: readonly VariantName[];
  /** Whether what stays on the heap is measured too. */
  readonly heap?: boolean;
  readonly columns: readonly Column[];
}

const SIZE = 4_096;
const ALL: readonly VariantName[] = [...names(LIBRARY), ...names(PEERS)];
const WAITING: readonly VariantName[] = ALL.filter((name) => name !== "bursts");
const FAR: readonly Column[] = ["time", "ratio", "roundTrips", "perMessage"];

function names<Name extends VariantName>(titles: Readonly<Record<Name, string>>): Name[] {
  return Object.keys(titles) as Name[];
}

function entries(
  variants: readonly VariantName[],
  samples: Partial<Record<VariantName, number>> = {},
): Entry[] {
  return variants.map((variant) => {
    const sample = samples[variant];
    return { variant, title: TITLES[variant], ...(sample !== undefined && { sample }) };
  });
}

function growth(variants: readonly VariantName[], sizes: readonly number[]): Entry[] {
  const [smallest = 1] = sizes;
  return variants.flatMap((variant) =>
    sizes.map((messages) => ({
      variant,
      title: `${TITLES[variant]}, ${messages.toLocaleString("en")} messages`,
      messages,
      times: messages === smallest ? 10 : 1,
    })),
  );
}

/** All scenarios. @param quick makes all of them small: to see that they run, not to measure */
export function scenarios(quick: boolean): Scenario[] {
  const few = (count: number, small: number): number => (quick ? small : count);
  const roundTrip = few(50, 5);
  const work = (messages: number, rest: Partial<Work> = {}): Scenario["work"] => ({
    messages,
    recipients: 1,
    octets: SIZE,
    streamed: false,
    ...rest,
  });
  const hundred = few(100, 10);
  const thousand = few(1_000, 40);
  const many = few(20_000, 400);
  const queued = few(10_000, 200);
  const warm = { messages: few(200, 10), octets: SIZE };
  const size = few(1_073_741_824, 8_388_608);
  const sizes = quick ? [100, 1_000, 2_000] : [1_000, 10_000, 100_000];
  const count = (value: number): string => value.toLocaleString("en");
  return [
    {
      name: "far",
      title: `${hundred} messages of 4 KB, ${roundTrip} ms away`,
      work: work(hundred),
      roundTrip,
      warmUp: warm,
      entries: entries(ALL, { "smtp-client": hundred / 2, "smtp-source": hundred / 2 }),
      base: PEERS.nodemailer,
      waiting: WAITING,
      columns: FAR,
    },
    {
      name: "far-many",
      title: `${count(thousand)} messages of 4 KB, ${roundTrip} ms away`,
      work: work(thousand),
      roundTrip,
      warmUp: warm,
      entries: entries(ALL, { nodemailer: hundred, "smtp-client": hundred, "smtp-source": hundred }),
      base: PEERS.nodemailer,
      waiting: WAITING,
      columns: FAR,
    },
    {
      name: "recipients",
      title: `${few(20, 4)} messages with 50 recipients, ${roundTrip} ms away`,
      work: work(few(20, 4), { recipients: 50 }),
      roundTrip,
      warmUp: { messages: few(20, 2), octets: SIZE },
      entries: entries(ALL, { "smtp-client": few(4, 1), "smtp-source": few(4, 1) }),
      base: PEERS.nodemailer,
      waiting: WAITING,
      columns: FAR,
    },
    {
      name: "loopback",
      title: `${count(many)} messages of 4 KB, on one machine`,
      work: work(many),
      warmUp: { messages: many, octets: SIZE },
      entries: entries(ALL),
      base: PEERS.nodemailer,
      waiting: [],
      columns: ["time", "rate", "ratio", "processor"],
    },
    {
      name: "pool",
      title: `Pools: ${few(400, 20)} messages of 4 KB, ${roundTrip} ms away`,
      work: work(few(400, 20)),
      roundTrip,
      warmUp: warm,
      entries: entries([...names(POOLS), "nodemailer"], { nodemailer: hundred }),
      base: PEERS.nodemailer,
      waiting: ["pool-data-1", "pool-data-4", "nodemailer-4", "nodemailer"],
      columns: FAR,
    },
    {
      name: "pool-loopback",
      title: `Pools: ${count(many)} messages of 4 KB, on one machine`,
      work: work(many),
      warmUp: { messages: many, octets: SIZE },
      entries: entries([...names(POOLS), "nodemailer"]),
      base: PEERS.nodemailer,
      waiting: [],
      columns: ["time", "rate", "ratio", "processor"],
    },
    ...(["data", "bursts"] as const).map((mode): Scenario => {
      const variant = `pool-${mode}-1` as const;
      const base = `${LIBRARY[mode].replace("smtp-pipelining, ", "")}, no journal`;
      return {
        name: `journal-${mode}`,
        title: `What a journal costs a pool with ${LIBRARY[mode].replace("smtp-pipelining, ", "")}: ${count(many)} messages of 4 KB, on one machine`,
        work: work(many),
        warmUp: { messages: many, octets: SIZE },
        entries: [
          { variant, title: base },
          ...entries(names(JOURNALED).filter((name) => name.startsWith(mode))),
        ],
        base,
        waiting: [],
        columns: ["rate", "share", "processor"],
      };
    }),
    {
      name: "worker",
      title: `A queue in Redis: ${count(queued)} messages of 4 KB, on one machine`,
      work: work(queued),
      warmUp: { messages: queued / 2, octets: SIZE },
      entries: entries(["pool-bursts-1", ...names(QUEUES)]),
      base: POOLS["pool-bursts-1"],
      waiting: [],
      columns: ["rate", "share", "processor", "redisProcessor", "adding", "redisMemory", "redisLeft"],
    },
    {
      name: "stream",
      title: `One message of ${quick ? "8 MiB" : "1 GiB"} from a stream, on one machine`,
      work: work(1, { octets: size, streamed: true }),
      warmUp: { messages: 1, octets: size / 16 },
      entries: entries(["data", "strict", "bursts", "nodemailer"]),
      base: PEERS.nodemailer,
      waiting: [],
      columns: ["time", "throughput", "ratio", "peakMemory"],
    },
    {
      name: "growth",
      title: "What grows with the number of messages in a session, on one machine, through deliver()",
      work: work(sizes.at(-1) ?? 0),
      warmUp: { messages: many, octets: SIZE },
      entries: growth(["data", "bursts"], sizes),
      base: `${LIBRARY.data}, ${count(sizes[0] ?? 0)} messages`,
      waiting: [],
      heap: true,
      columns: ["rate", "processor", "heap", "peakMemory"],
    },
    ...(["data", "bursts"] as const).map((variant): Scenario => {
      const mode = LIBRARY[variant].replace("smtp-pipelining, ", "");
      const base = `${mode}, no listener`;
      return {
        name: variant === "data" ? "observability" : "observability-bursts",
        title: `What watching costs with ${mode}: ${count(many)} messages of 4 KB, on one machine`,
        work: work(many),
        warmUp: { messages: many, octets: SIZE },
        entries: [
          { variant, title: base },
          ...entries(names(WATCHED).filter((name) => name.startsWith(variant))),
        ],
        base,
        waiting: [],
        columns: ["rate", "share", "processor"],
      };
    }),
  ];
}
