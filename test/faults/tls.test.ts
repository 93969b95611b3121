import { faultMatrix } from "./define.ts";
import { MODES } from "./mode.ts";

faultMatrix(
  "Faults under TLS (STARTTLS): recipients by fate. Cuts are sampled: four in each line and TLS record of either side.",
  true,
  MODES,
);
