import { existsSync, readdirSync } from "node:fs";
import { posix } from "node:path";
import { expect, test } from "vitest";
import { parseDocument } from "yaml";
import { grafanaFile, readDashboard, readGrafana } from "./dashboard-file.ts";

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

interface Mount {
  readonly source: string;
  readonly target: string;
  readonly mode: string | undefined;
}

interface Prometheus {
  readonly global: { readonly scrape_interval: string };
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly { readonly static_configs: readonly { readonly targets: string[] }[] }[];
}

interface DataSources {
  readonly datasources: readonly {
    readonly uid: string;
    readonly type: string;
    readonly url: string;
    readonly isDefault: boolean;
    readonly jsonData: { readonly timeInterval: string };
  }[];
}

interface Providers {
  readonly providers: readonly {
    readonly type: string;
    readonly allowUiUpdates: boolean;
    readonly options: { readonly path: string };
  }[];
}

/** @throws Error on anything that YAML does not allow, a key twice for example */
function readYaml(path: string): unknown {
  const document = parseDocument(readGrafana(path));
  expect(document.errors.concat(document.warnings), path).toEqual([]);
  return document.toJS();
}

const compose = readYaml("compose.yaml") as Compose;
const scraping = readYaml("prometheus.yml") as Prometheus;
const dataSources = (readYaml("provisioning/datasources/prometheus.yaml") as DataSources).datasources;
const providers = (readYaml("provisioning/dashboards/smtp-pipelining.yaml") as Providers).providers;

function service(name: string): Service {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`compose.yaml has no service ${name}`);
  return found;
}

function mounts(name: string): readonly Mount[] {
  return service(name).volumes.map((volume) => {
    const [source = "", target = "", mode] = volume.split(":");
    return { source, target, mode };
  });
}

/** The file of this folder that a service sees at a path. */
function seenAs(name: string, path: string): string {
  const mount = mounts(name).find(({ target }) => path === target || path.startsWith(`${target}/`));
  if (mount === undefined) throw new Error(`${name} has nothing at ${path}`);
  return posix.join(mount.source, posix.relative(mount.target, path));
}

test("every YAML file of the folder parses", () => {
  const files = readdirSync(grafanaFile("."), { recursive: true, encoding: "utf8" }).filter((file) =>
    /\.ya?ml$/.test(file),
  );
  expect(files.length).toBe(6);
  for (const file of files) expect(readYaml(file), file).toBeTypeOf("object");
});

test("what compose mounts exists: a path, read-only, or a named volume", () => {
  const all = Object.keys(compose.services).flatMap(mounts);
  const [named, paths] = [
    all.filter(({ source }) => !source.startsWith(".")),
    all.filter(({ source }) => source.startsWith(".")),
  ];
  expect(named.map(({ source }) => source).toSorted()).toEqual(Object.keys(compose.volumes).toSorted());
  expect(paths.length).toBeGreaterThan(4);
  for (const { source, mode } of paths) {
    expect(existsSync(grafanaFile(source)), source).toBe(true);
    expect(mode, source).toBe("ro");
  }
});

test("images have fixed versions, ports are open to this machine alone", () => {
  for (const { image, ports } of Object.values(compose.services)) {
    expect(image).toMatch(/:v?\d/);
    expect(ports.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
  }
});

test("Grafana asks the Prometheus of the compose file, and has one default data source of a fixed uid", () => {
  expect(dataSources).toHaveLength(1);
  const [only] = dataSources;
  expect(only?.uid).toBe("smtp-pipelining-prometheus");
  expect(only?.isDefault).toBe(true);
  const url = new URL(only?.url ?? "");
  expect(Object.keys(compose.services)).toContain(url.hostname);
  expect(service(url.hostname).image).toMatch(/^prom\/prometheus:/);
  expect(service(url.hostname).ports).toContain(`127.0.0.1:9090:${url.port}`);
});

test("the dashboard's variable takes a data source of the kind that is provisioned", () => {
  const variable = readDashboard().templating.list.find(({ name }) => name === "datasource");
  expect(dataSources.map(({ type }) => type)).toEqual([variable?.query]);
});

test("the rate interval is made of the interval at which Prometheus scrapes", () => {
  expect(dataSources[0]?.jsonData.timeInterval).toBe(scraping.global.scrape_interval);
});

test("Grafana finds the committed dashboards, shows one at first and leaves none to be edited", () => {
  expect(providers).toHaveLength(1);
  const [only] = providers;
  expect(only?.type).toBe("file");
  expect(only?.allowUiUpdates).toBe(false);
  expect(seenAs("grafana", only?.options.path ?? "")).toBe("dashboards");
  const home = service("grafana").environment?.["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] ?? "";
  expect(seenAs("grafana", home)).toBe("dashboards/smtp-pipelining.json");
});

test("Grafana provisions from this folder, lets everybody look and nobody change", () => {
  for (const kind of ["datasources", "dashboards"]) {
    expect(seenAs("grafana", `/etc/grafana/provisioning/${kind}`)).toBe(`provisioning/${kind}`);
  }
  const { environment } = service("grafana");
  expect(environment?.["GF_AUTH_ANONYMOUS_ENABLED"]).toBe("true");
  expect(environment?.["GF_AUTH_ANONYMOUS_ORG_ROLE"]).toBe("Viewer");
});

test("Prometheus reads its configuration, and the rules but not their tests", () => {
  const config = service("prometheus").command?.find((option) => option.startsWith("--config.file="));
  expect(seenAs("prometheus", config?.split("=")[1] ?? "")).toBe("prometheus.yml");
  expect(scraping.rule_files).toHaveLength(1);
  const pattern = scraping.rule_files[0] ?? "";
  const folder = seenAs("prometheus", posix.dirname(pattern));
  expect(posix.basename(pattern)).toBe("*.rules.yml");
  const fits = readdirSync(grafanaFile(folder)).filter((file) => file.endsWith(".rules.yml"));
  expect(fits).toEqual(["smtp-pipelining.rules.yml"]);
});

test("Prometheus scrapes the exporter at the port where it listens", () => {
  const targets = scraping.scrape_configs.flatMap(({ static_configs }) =>
    static_configs.flatMap(({ targets }) => targets),
  );
  expect(targets).toEqual(["exporter:9464"]);
  const command = service("exporter").command?.at(-1) ?? "";
  expect(command).toContain("npx tsx examples/scrape/main.ts --port 9464 --host 0.0.0.0 --seconds 0");
  expect(service("exporter").ports).toEqual(["127.0.0.1:9464:9464"]);
});
