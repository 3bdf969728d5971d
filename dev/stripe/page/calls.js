/** What the buttons call. Each change is followed by a fresh overview. */

const JSON_BODY = { "content-type": "application/json" };
const FORM_BODY = {
  "content-type": "application/x-www-form-urlencoded",
  authorization: "Bearer sk_test_page",
};

/** Called with the overview after each change. */
const listeners = [];

/** Calls `listener` with the account's overview after each change. */
export function onChange(listener) {
  listeners.push(listener);
}

/** Reads the account anew. */
export async function refresh() {
  const response = await fetch("/_emulator/overview");
  const overview = await response.json();
  for (const listener of listeners) listener(overview);
}

/** An endpoint of the emulator's own: POST /_emulator/<path>. */
export function control(path, body = {}) {
  return change(`/_emulator/${path}`, {
    method: "POST",
    headers: JSON_BODY,
    body: JSON.stringify(body),
  });
}

/** An endpoint of Stripe's. */
export function stripe(method, path, params = {}) {
  return change(`/v1/${path}`, { method, headers: FORM_BODY, body: new URLSearchParams(params) });
}

async function change(url, request) {
  try {
    const response = await fetch(url, request);
    const body = await response.json();
    tell(response.ok ? "" : (body.error?.message ?? `HTTP ${response.status}`));
    await refresh();
    return response.ok ? body : undefined;
  } catch {
    tell("The emulator does not answer.");
    return undefined;
  }
}

/** Shows a message at the foot of the page; an empty one takes it away. */
export function tell(message) {
  document.getElementById("notice").textContent = message;
}
