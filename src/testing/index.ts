export type { ClientView } from "./script/connection.ts";
export { createScriptedServer, type ScriptedServer } from "./script/server.ts";
