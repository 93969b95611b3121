import type { Message } from "smtp-pipelining";
import { attachRecorder, type Recorder, type RecorderOptions } from "smtp-pipelining/recorder";
import { type ConversationOptions, conversation } from "./scripted-peer.ts";

/** A scripted conversation with a recorder attached from its beginning. */
export async function recorded(
  messages: readonly Message[],
  script: string,
  options: RecorderOptions = {},
  more: ConversationOptions = {},
): Promise<Recorder> {
  let recorder: Recorder | undefined;
  const run: NonNullable<ConversationOptions["run"]> = (caller) => {
    recorder = attachRecorder(caller.session, options);
    return more.run?.(caller) ?? Promise.all(messages.map((message) => caller.send(message)));
  };
  await conversation(messages, script, { ...more, run });
  if (recorder === undefined) throw new Error("nothing was recorded");
  return recorder;
}

/** What a page says, as a reader without a script sees it: tags gone, blanks run together. */
export function pageText(html: string): string {
  return html
    .replace(/<(style|script|noscript)\b[\s\S]*?<\/\1>/g, " ")
    .replace(/<[^>]*>/g, " ")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, "&")
    .replace(/\s+/g, " ");
}

/** The part of a page's data that tests look at; an exchange is command, line, sent, octets, message, and the reply. */
export interface PictureSession {
  readonly groups: readonly {
    readonly id: number;
    readonly start: number;
    readonly end: number | null;
    readonly error: string | null;
    readonly exchanges: readonly (readonly (string | number | null)[])[];
  }[];
  readonly notes: readonly (readonly [number, string, string])[];
}

/** What the page's script draws from. */
export function pictureOf(html: string): PictureSession[] {
  const [, json = ""] = /<script type="application\/json" id="recording">(.*?)<\/script>/s.exec(html) ?? [];
  return JSON.parse(json) as PictureSession[];
}
