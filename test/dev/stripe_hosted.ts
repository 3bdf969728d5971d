/** A browser without the browser: reads hosted pages and presses their buttons. */
export type Shown = { status: number; html: string; location: string | null };

/** Reads a page. */
export async function look(url: string | null | undefined): Promise<Shown> {
  return shown(await fetch(url ?? ""));
}

/** Presses the button that sends these fields; follows nothing. */
export async function press(
  url: string | null | undefined,
  fields: Record<string, string>,
): Promise<Shown> {
  const body = new URLSearchParams(fields);
  return shown(await fetch(url ?? "", { method: "POST", body, redirect: "manual" }));
}

async function shown(response: Response): Promise<Shown> {
  const { status, headers } = response;
  return { status, html: await response.text(), location: headers.get("location") };
}
