import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TEST_CERTIFICATE, TEST_KEY } from "smtp-pipelining/testing";

export { TEST_CERTIFICATE as CERTIFICATE, TEST_KEY as KEY } from "smtp-pipelining/testing";

const directory = mkdtempSync(join(tmpdir(), "smtp-certificate-"));
// Servers that have become a user of their own read them too.
chmodSync(directory, 0o755);
process.once("exit", () => rmSync(directory, { recursive: true, force: true }));

/** Where the two are: a server in a process of its own reads them. */
export const CERTIFICATE_FILE: string = join(directory, "certificate.pem");
export const KEY_FILE: string = join(directory, "key.pem");
writeFileSync(CERTIFICATE_FILE, TEST_CERTIFICATE);
writeFileSync(KEY_FILE, TEST_KEY);
