import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { onTestFinished } from "vitest";
import { leftOutWithout } from "./tools.ts";

/** What is used of puppeteer's browser: its own types need those of the DOM, which the sources here must not see. */
export interface Browser {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

/** What is used of puppeteer's page. What is evaluated in it is given as text. */
export interface Page {
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): void;
  on(event: "pageerror", listener: (error: unknown) => void): void;
  on(event: "dialog", listener: (dialog: { message(): string; dismiss(): Promise<void> }) => void): void;
  on(event: "request", listener: (request: InterceptedRequest) => void): void;
  setRequestInterception(on: boolean): Promise<void>;
  setJavaScriptEnabled(on: boolean): Promise<void>;
  setViewport(size: { width: number; height: number }): Promise<void>;
  emulateMediaFeatures(features: { name: string; value: string }[]): Promise<void>;
  emulateMediaType(type: "print" | "screen"): Promise<void>;
  goto(url: string): Promise<unknown>;
  evaluate(script: string): Promise<unknown>;
  waitForFunction(script: string): Promise<unknown>;
  type(selector: string, text: string): Promise<void>;
  focus(selector: string): Promise<void>;
  click(selector: string): Promise<void>;
  select(selector: string, value: string): Promise<unknown>;
  readonly keyboard: { press(key: string): Promise<void> };
  close(): Promise<void>;
}

interface InterceptedRequest {
  url(): string;
  respond(response: { contentType: string; body: string }): Promise<void>;
  abort(): Promise<void>;
}

const require = createRequire(import.meta.url);
const puppeteer: {
  launch(options: { executablePath: string; args: string[] }): Promise<Browser>;
} = require("puppeteer-core");

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The command that starts the browser; undefined if there is none. */
function chromium(): string | undefined {
  for (const name of NAMES) {
    const { status, stdout } = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" });
    if (status === 0) return stdout.trim();
  }
  return undefined;
}

const INSTALL = "On Debian: apt-get install chromium.";

/** Whether there is no browser to test with. */
export const skipsChromium: boolean = chromium() === undefined && leftOutWithout(["chromium"], INSTALL);

/** Starts a browser without a window. @throws Error that says how to install one */
export async function startChromium(): Promise<Browser> {
  const executablePath = chromium();
  if (executablePath === undefined) {
    throw new Error(`This test needs Chromium. ${INSTALL}`);
  }
  // Without a sandbox it starts as root too; it opens nothing but pages of the tests.
  return await puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

export interface OpenedPage {
  readonly page: Page;
  /** What went wrong in it: messages of its console, errors, and whatever it wanted to load. */
  readonly complaints: readonly string[];
}

/** Opens a page from its text, without any network. It is closed at the test's end. */
export async function openPage(browser: Browser, html: string, script = true): Promise<OpenedPage> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${String(error)}`));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  const own = "http://page.test/";
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    if (request.url() === own) {
      void request.respond({ contentType: "text/html; charset=utf-8", body: html });
      return;
    }
    complaints.push(`request: ${request.url()}`);
    void request.abort();
  });
  await page.setJavaScriptEnabled(script);
  await page.setViewport({ width: 1280, height: 900 });
  await page.goto(own);
  return { page, complaints };
}
