import { LiveArea, type Terminal } from "../terminal/live-area.ts";
import type { Flight } from "./flight.ts";
import { lineOfFlight, pictureOfFlight, type Situation, summaryOfFlight } from "./picture.ts";

/** Milliseconds from one picture to the next on a terminal, and from one line to the next elsewhere. */
const PICTURE_EVERY = 100;
const LINE_EVERY = 1_000;

export interface View {
  /** Shows how it ended, and gives the terminal back. */
  end(): void;
}

/** Shows a flight until its end: drawn anew in place on a terminal, as a line now and then elsewhere. */
export function startView(
  out: Terminal & { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
  flight: Flight,
  situation: () => Situation,
): View {
  const terminal = out.isTTY === true && env["TERM"] !== "dumb";
  const area = terminal ? new LiveArea(out, !env["NO_COLOR"]) : undefined;
  const show = (): void => {
    if (area === undefined) out.write(`${lineOfFlight(flight, situation())}\n`);
    else area.draw(pictureOfFlight(flight, situation(), area.columns));
  };
  const timer = setInterval(show, terminal ? PICTURE_EVERY : LINE_EVERY);
  // Also if the program ends in another way than it should.
  const giveBack = (): void => area?.end();
  process.once("exit", giveBack);
  if (terminal) show();
  return {
    end() {
      clearInterval(timer);
      if (terminal) show();
      giveBack();
      process.off("exit", giveBack);
      const summary = summaryOfFlight(flight, situation());
      out.write(`${terminal ? "\n" : ""}${summary.join("\n")}\n`);
    },
  };
}
