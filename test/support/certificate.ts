import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

function path(file: string): string {
  return fileURLToPath(new URL(`./certificates/${file}`, import.meta.url));
}

/** Where the two below are: a server in a process of its own reads them. */
export const CERTIFICATE_FILE: string = path("certificate.pem");
export const KEY_FILE: string = path("key.pem");

/**
 * A certificate of the tests' own, for mail.example.org, localhost and 127.0.0.1, signed by itself, and its key: a secret
 * of nobody. Made with `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500
 * -subj /CN=mail.example.org -addext subjectAltName=DNS:mail.example.org,DNS:localhost,IP:127.0.0.1`.
 */
export const CERTIFICATE: string = readFileSync(CERTIFICATE_FILE, "utf8");
export const KEY: string = readFileSync(KEY_FILE, "utf8");
