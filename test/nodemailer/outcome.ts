/** What became of a call, as far as it can be compared: no times, and no ports. */
export type Outcome = Readonly<Record<string, unknown>>;

/** Waits for a call, and tells how it ended, with all that it says. */
export async function outcomeOf(call: Promise<unknown>): Promise<Outcome> {
  return call.then(
    (info) => ({ sent: true, ...facts(info) }),
    (error: unknown) => ({ sent: false, ...facts(error) }),
  );
}

function facts(of: unknown): Outcome {
  if (typeof of !== "object" || of === null) return { value: of };
  const told: Outcome = Object.fromEntries(
    Object.entries(of).map(([key, value]) => [key, comparable(key, value)]),
  );
  if (!(of instanceof Error)) return told;
  // What a reply decided is told in the same words.
  return { name: of.name, ...("responseCode" in of && { message: of.message }), ...told };
}

function comparable(key: string, value: unknown): unknown {
  if (key === "envelopeTime" || key === "messageTime" || key === "port") return typeof value;
  if (key !== "rejectedErrors") return value;
  // Whether each of them may be sent again has a test of its own.
  return (value as readonly unknown[]).map((each) => {
    const { fate: _, retryable: __, ...others } = facts(each);
    return others;
  });
}
