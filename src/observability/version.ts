/** The name and version of this package, for telemetry: a test holds them to package.json. */
export const PACKAGE_NAME = "smtp-pipelining";
export const PACKAGE_VERSION = "0.1.0";
