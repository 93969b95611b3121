export { TEST_CERTIFICATE, TEST_KEY } from "./certificate.ts";
export type { TestCommand } from "./command.ts";
export {
  type AtCommand,
  type BehindOctet,
  type CutHow,
  cut,
  type Fault,
  type Moment,
  stall,
  stopReading,
  surplus,
} from "./faults.ts";
export type { Answer, Flaws, ProgrammedReply, TestServerOptions } from "./options.ts";
export type { ClientView } from "./script/connection.ts";
export { createScriptedServer, type ScriptedServer } from "./script/server.ts";
export { createTestServer, type TestServer } from "./server.ts";
export type { ReceivedMessage } from "./transaction.ts";
export type { TestConnection } from "./truth.ts";
