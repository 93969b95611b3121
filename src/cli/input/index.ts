export {
  type FromQuoting,
  type Input,
  type InputAmount,
  InputError,
  type InputKind,
  type InputMessages,
  type InputOptions,
  type InputProblem,
  type InputTotal,
  type Origin,
} from "./input.ts";
export { readMessages } from "./read-messages.ts";
