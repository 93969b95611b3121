import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const DOCUMENTS: readonly string[] = [
  ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
  "grafana/README.md",
];

function read(document: string): string {
  return readFileSync(join(ROOT, document), "utf8");
}

/** What the examples take for granted. */
const GIVEN = `
import type { Logger } from "smtp-pipelining/logging";
import type { Message, MessageData, SmtpSession } from "smtp-pipelining";
declare global {
  var session: SmtpSession;
  var messages: Iterable<Message>;
  var data: MessageData;
  var logger: Logger;
  function token(options: { fresh: boolean }): Promise<string>;
}`;

/** The examples in TypeScript: file names that say where each stands. */
function examples(): Map<string, string> {
  const found = new Map<string, string>();
  for (const document of DOCUMENTS) {
    const text = read(document);
    for (const { 1: code = "", index } of text.matchAll(/^```ts\n([\s\S]*?)^```/gm)) {
      const line = text.slice(0, index).split("\n").length;
      found.set(
        join(ROOT, `test/docs/${document.replace(/\W/g, "-")}-line-${line}.ts`),
        `${code}\nexport {};\n`,
      );
    }
  }
  return found;
}

test("every example in TypeScript compiles, as strictly as this package does", () => {
  const files = examples();
  expect(files.size).toBeGreaterThan(8);
  files.set(join(ROOT, "test/docs/given.ts"), GIVEN);
  // What the test in docs/testing.md tests.
  files.set(join(ROOT, "test/docs/newsletter.ts"), read("examples/testing/newsletter.ts"));
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [] }, ts.sys, ROOT);
  const settings = { ...options, noEmit: true, noUnusedLocals: false, isolatedDeclarations: false };
  const host = ts.createCompilerHost(settings);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => files.has(path) || fileExists.call(host, path);
  host.getSourceFile = (path, target) => {
    const code = files.get(path);
    return code === undefined
      ? getSourceFile.call(host, path, target)
      : ts.createSourceFile(path, code, target, true);
  };
  const program = ts.createProgram([...files.keys()], settings, host);
  const problems = [...files.keys()].flatMap((path) => {
    const file = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ messageText }) => `${path}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`,
    );
  });
  expect(problems).toEqual([]);
}, 60_000);

describe.each(DOCUMENTS)("%s", (document) => {
  test("has no placeholder left", () => {
    expect(read(document)).not.toMatch(/\b(?:TODO|FIXME|TBD|XXX)\b|\b[A-Z]+_HERE\b|\bBENCH_/);
  });

  test("links to files that are there", () => {
    const links = [...read(document).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(
      ([, to]) => to ?? "",
    );
    expect(links.filter((to) => !existsSync(join(ROOT, dirname(document), to)))).toEqual([]);
  });
});
