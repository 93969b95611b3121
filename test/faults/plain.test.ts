import { faultMatrix } from "./define.ts";

faultMatrix("Faults in plain text: recipients by fate. Cuts behind every octet of either side.", false);
