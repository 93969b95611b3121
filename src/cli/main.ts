#!/usr/bin/env node
import { run } from "./program.ts";
import { processShell } from "./shell.ts";

process.exitCode = await run(processShell());
