/** A mail server of a few lines: takes mails, or answers what a test tells it to. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

export type ReceivedMail = { from: string; to: string[]; headers: string; body: string };

/** What is answered instead of yes; END is the end of the message. */
export type Answers = Partial<
  Record<"GREETING" | "EHLO" | "AUTH" | "MAIL" | "RCPT" | "DATA" | "END", string>
>;

export type SmtpStandIn = AsyncDisposable & {
  port: number;
  received: ReceivedMail[];
  /** Every line that clients sent outside of messages. */
  commands: string[];
  /** May be changed at any time. */
  answers: Answers;
};

const YES: Record<string, string> = {
  EHLO: "250-stand-in\r\n250 8BITMIME",
  AUTH: "235 2.7.0 Welcome",
  DATA: "354 Go on",
  QUIT: "221 Bye",
};

/** Listens on a free port of this machine; speaks TLS from the first byte when given a certificate. */
export async function startSmtpServer(answers: Answers = {}, tls?: TlsOptions) {
  const received: ReceivedMail[] = [];
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server =
    tls === undefined ? createServer(converse) : createTlsServer(tls, converse);
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();

  function converse(socket: Socket): void {
    const say = (what: string, yes = "250 Ok") =>
      socket.write(`${standIn.answers[what as keyof Answers] ?? YES[what] ?? yes}\r\n`);
    let mail = { from: "", to: [] as string[] };
    let data: string[] | undefined;
    socket.on("error", () => {});
    createInterface({ input: socket, crlfDelay: Infinity }).on("line", (line) => {
      if (data !== undefined && line !== ".") {
        data.push(line);
        return;
      }
      if (data !== undefined) {
        const text = data.join("\n");
        const end = text.indexOf("\n\n");
        received.push({ ...mail, headers: text.slice(0, end), body: text.slice(end + 2) });
        mail = { from: "", to: [] };
        data = undefined;
        say("END");
        return;
      }
      commands.push(line);
      const [, verb = "", argument = ""] = /^(\w+)[^<]*(?:<([^>]*)>)?/.exec(line) ?? [];
      if (verb === "MAIL") mail.from = argument;
      if (verb === "RCPT") mail.to.push(argument);
      if (verb === "DATA" && standIn.answers.DATA === undefined) data = [];
      say(verb);
    });
    say("GREETING", "220 stand-in");
  }

  const standIn: SmtpStandIn = {
    port: typeof address === "object" && address !== null ? address.port : 0,
    received,
    commands,
    answers,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
  return standIn;
}
