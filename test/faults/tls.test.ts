import { faultMatrix } from "./define.ts";
import { MODES } from "./mode.ts";

faultMatrix(
  "Faults under TLS (STARTTLS): recipients by fate. Cuts behind every octet of either side, those of the handshake, too.",
  true,
  MODES,
);
