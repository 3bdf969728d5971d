/**
 * One plain address. Stricter than the standards, which allow quotes, comments and lists: whatever a
 * mail program could read as more than one address, or as a header, is none.
 */
const ADDRESS = /^[^\s\p{Cc}<>()[\]\\,;:"@]{1,64}@[^\s\p{Cc}<>()[\]\\,;:"@]{1,255}$/u;

export function isMailAddress(value: string): boolean {
  return ADDRESS.test(value);
}
