/** PostgreSQL's protocol, as far as it tells where a statement begins and where its answer ends. */

export type Message = { type: string; body: Buffer; bytes: Buffer };

/** Cuts a stream into messages; a client's first one has no type, which is told as "". */
export function makeReader(isClient: boolean): (chunk: Buffer) => Message[] {
  let rest = Buffer.alloc(0);
  let isFirst = isClient;
  return function read(chunk) {
    rest = Buffer.concat([rest, chunk]);
    const messages: Message[] = [];
    for (;;) {
      const head = isFirst ? 0 : 1;
      if (rest.length < head + 4) return messages;
      const end = head + rest.readInt32BE(head);
      if (rest.length < end) return messages;
      const bytes = rest.subarray(0, end);
      const type = isFirst ? "" : String.fromCharCode(bytes.readUInt8(0));
      messages.push({ type, body: bytes.subarray(head + 4), bytes });
      rest = rest.subarray(end);
      isFirst = false;
    }
  };
}

/** Remembers what the prepared statements of a connection say. */
export function makeStatements(): (batch: readonly Message[]) => string | undefined {
  const prepared = new Map<string, string>();
  /** The statement that this batch of messages asks for; undefined when it asks for none. */
  return function statementOf(batch) {
    let sql: string | undefined;
    for (const { type, body } of batch) {
      const [first = "", second = ""] = body.toString("utf8").split("\0");
      if (type === "Q") sql = first;
      if (type === "P") {
        prepared.set(first, second);
        sql = second;
      }
      // Bind names a portal, then the statement.
      if (type === "B") sql = prepared.get(second) ?? sql;
    }
    return sql;
  };
}
