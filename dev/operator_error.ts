/**
 * A fault that the person at the keyboard can mend. Its message is one line of cause and cure;
 * print that and exit: a stack trace would only hide it.
 */
export class OperatorError extends Error {
  override name = "OperatorError";
}
