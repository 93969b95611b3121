import { faultMatrix } from "./define.ts";
import { FLAWED, MODES } from "./mode.ts";

faultMatrix("Faults in plain text: recipients by fate. Cuts behind every octet of either side.", false, [
  ...MODES,
  ...FLAWED,
]);
