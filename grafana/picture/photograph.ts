import { accessSync, constants } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";

interface Page {
  setViewport(viewport: { width: number; height: number }): Promise<void>;
  setContent(html: string): Promise<void>;
  screenshot(options: { path: string }): Promise<unknown>;
}

/** What is used of puppeteer-core. Its own types want a browser's. */
interface Puppeteer {
  launch(options: {
    executablePath: string;
    args: string[];
  }): Promise<{ newPage(): Promise<Page>; close(): Promise<void> }>;
}

const require = createRequire(import.meta.url);
const puppeteer: Puppeteer = require("puppeteer-core");

const BROWSERS = ["chromium", "chromium-browser", "google-chrome"];

/** Photographs a page in a browser of the PATH, as PNG. */
export async function photograph(
  html: string,
  size: { readonly width: number; readonly height: number },
  path: string,
): Promise<void> {
  // Chromium's sandbox refuses root; the page is ours, and runs nothing.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await puppeteer.launch({ executablePath: findBrowser(), args });
  try {
    const page = await browser.newPage();
    await page.setViewport({ width: size.width, height: size.height });
    await page.setContent(html);
    await page.screenshot({ path });
  } finally {
    await browser.close();
  }
}

function findBrowser(): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = BROWSERS.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false; // not here
    }
  });
  if (found === undefined) throw new Error("no chromium on the PATH. On Debian: apt-get install chromium");
  return found;
}
