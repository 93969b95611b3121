import type { SmtpSession } from "smtp-pipelining";
import type { Plan } from "./arguments.ts";
import { messageId } from "./mail.ts";
import { type Known, pictureOfFates, pictureOfGroup } from "./picture.ts";
import { count, type Screen, shorten } from "./screen.ts";
import type { Tally } from "./tally.ts";

/** Tells on the screen what happens in a session: groups as they complete, and the fates that came of them. */
export class Narrator {
  readonly #screen: Screen;
  readonly #tally: Tally;
  readonly #total: number;
  readonly #names: ReadonlyMap<string, string>;
  readonly #octets = new Map<string, number>();
  #fates: string[] = [];

  constructor(session: SmtpSession, { mails }: Plan, screen: Screen, tally: Tally) {
    this.#screen = screen;
    this.#tally = tally;
    this.#total = mails.length;
    this.#names = new Map(mails.map(({ name }, index) => [messageId(index), name]));

    session.on("sent", ({ command, messageId, bytes }) => {
      if (command === "text" && messageId !== undefined) this.#octets.set(messageId, bytes);
      screen.touch();
    });
    session.on("reply", () => screen.touch());
    // A fate is told behind the group that brought it.
    session.on("messageEnd", ({ delivery }) => {
      const name = this.#names.get(delivery.id) ?? delivery.id;
      this.#fates.push(...pictureOfFates(name, delivery, screen));
    });
    session.on("groupEnd", ({ group }) => {
      screen.print(...pictureOfGroup(group, (id) => this.#known(id), screen));
      this.#tellFates();
    });
    session.on("warning", ({ message }) => screen.print("", shorten(`Warning: ${message}`, 1_000)));
    session.on("error", ({ error }) =>
      screen.print("", shorten(`The session failed: ${error.message} (${error.code})`, 1_000)),
    );
    screen.follow(() => this.#progress());
  }

  end(): void {
    this.#tellFates();
    this.#screen.unfollow();
  }

  #tellFates(): void {
    this.#screen.print(...this.#fates);
    this.#fates = [];
  }

  #known(id: string): Known | undefined {
    const name = this.#names.get(id);
    return name === undefined ? undefined : { name, octets: this.#octets.get(id) ?? 0 };
  }

  #progress(): string {
    const { messages, succeeded, failed, unknown, inFlight } = this.#tally;
    return (
      `${messages}/${this.#total} messages | ${succeeded} succeeded, ${failed} failed, ${unknown} unknown` +
      ` | ${count(inFlight, "command")} in flight`
    );
  }
}
