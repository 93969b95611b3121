import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";

/** The package's own name is its source, so that tests and examples import what users import. */
function source(path: string): string {
  return `${fileURLToPath(new URL("./src", import.meta.url))}/${path}`;
}

const config: ViteUserConfig = defineConfig({
  resolve: {
    alias: [
      { find: /^smtp-pipelining$/, replacement: source("index.ts") },
      {
        find: /^smtp-pipelining\/(testing|pool|nodemailer|journal|worker)$/,
        replacement: source("$1/index.ts"),
      },
      { find: /^smtp-pipelining\/(.*)$/, replacement: source("observability/$1.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    typecheck: { enabled: true, include: ["test/**/*.test-d.ts"], tsconfig: "./tsconfig.json" },
    reporters: ["default", "./test/summary-reporter.ts"],
    testTimeout: 30_000,
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      reporter: ["text", "json-summary"],
      thresholds: {
        "src/protocol/**": { branches: 95 },
        "src/pipeline/**": { branches: 95 },
      },
    },
  },
});

export default config;
