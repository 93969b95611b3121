import { readFileSync } from "node:fs";

/**
 * A certificate of the tests' own, for mail.example.org, localhost and 127.0.0.1, signed by itself, and its key: a secret
 * of nobody. Made with `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500
 * -subj /CN=mail.example.org -addext subjectAltName=DNS:mail.example.org,DNS:localhost,IP:127.0.0.1`.
 */
export const CERTIFICATE: string = readFileSync(
  new URL("./certificates/certificate.pem", import.meta.url),
  "utf8",
);
export const KEY: string = readFileSync(new URL("./certificates/key.pem", import.meta.url), "utf8");
