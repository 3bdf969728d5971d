/** When items leave, in whose company, and what becomes of them. */
import { makeGatherer } from "../../server/gather.ts";
import { expect, test } from "../support/index.ts";

const poison = new Error("one of them is poison");
const outage = new Error("nobody is there");

/** Transactions that end when the test says so; an item is a word, and as large as it is long. */
function makeScene() {
  const left: { items: string[]; succeed(): void; fail(error: Error): void }[] = [];
  const gather = makeGatherer<string, string>({
    together(items) {
      const { promise, resolve, reject } = Promise.withResolvers<string[]>();
      const succeed = () => resolve(items.map((item) => `${item} is done`));
      left.push({ items: [...items], succeed, fail: reject });
      return promise;
    },
    sizeOf: (item) => item.length,
    mayBeOnesFault: (error) => error === poison,
  });
  return { gather, left };
}

/** What was begun in this turn has left, and what that makes possible has begun. */
async function turn(): Promise<void> {
  await new Promise(setImmediate);
  await new Promise(setImmediate);
}

/** Four transactions under way, so that whoever comes now has to wait. */
async function makeBusyScene() {
  const scene = makeScene();
  const words = ["one", "two", "three", "four"];
  for (const word of words) {
    void scene.gather(word).catch(() => undefined);
    await turn();
  }
  expect(scene.left.map(({ items }) => items)).toEqual(words.map((word) => [word]));
  return scene;
}

test("whoever comes alone leaves alone and at once, and four at a time may be under way", async () => {
  await makeBusyScene();
});

test("those that come in one turn leave together, and each gets its own answer", async () => {
  const { gather, left } = makeScene();
  const answers = ["one", "two", "three"].map(gather);
  await turn();
  expect(left.map(({ items }) => items)).toEqual([["one", "two", "three"]]);
  left[0]?.succeed();
  expect(await Promise.all(answers)).toEqual(["one is done", "two is done", "three is done"]);
});

test("those that come while four are under way wait, and then leave together", async () => {
  const { gather, left } = await makeBusyScene();
  const waiting = [gather("five")];
  await turn();
  waiting.push(gather("six"));
  await turn();
  expect(left).toHaveLength(4);
  left[1]?.succeed();
  await turn();
  expect(left[4]?.items).toEqual(["five", "six"]);
  left[4]?.succeed();
  expect(await Promise.all(waiting)).toEqual(["five is done", "six is done"]);
});

test("nobody is answered before the transaction is over", async () => {
  const { gather, left } = makeScene();
  let isAnswered = false;
  void gather("one").then(() => (isAnswered = true));
  await turn();
  expect(isAnswered).toBe(false);
  left[0]?.succeed();
  await turn();
  expect(isAnswered).toBe(true);
});

test("no more than 32 leave together, nor more than a megabyte unless one alone is larger", async () => {
  const { gather, left } = await makeBusyScene();
  const kilobytes = (count: number) => "x".repeat(count * 1024);
  const sizes = [1500, 700, 300, 300, ...Array.from({ length: 40 }, () => 1)];
  for (const size of sizes) void gather(kilobytes(size));
  for (let next = 0; next < 8; next += 1) {
    left[next]?.succeed();
    await turn();
  }
  expect(left.slice(4).map(({ items }) => items.length)).toEqual([1, 2, 32, 9]);
});

test("when one may be at fault each is tried alone, and only that one is refused", async () => {
  const { gather, left } = makeScene();
  const answers = Promise.allSettled(["good", "bad", "fine"].map(gather));
  await turn();
  left[0]?.fail(poison);
  await turn();
  expect(left.slice(1).map(({ items }) => items)).toEqual([["good"], ["bad"], ["fine"]]);
  left[1]?.succeed();
  left[2]?.fail(poison);
  left[3]?.succeed();
  expect(await answers).toEqual([
    { status: "fulfilled", value: "good is done" },
    { status: "rejected", reason: poison },
    { status: "fulfilled", value: "fine is done" },
  ]);
});

test("when the failure is nobody's fault all are refused, and none is tried again", async () => {
  const { gather, left } = makeScene();
  const answers = Promise.allSettled(["one", "two"].map(gather));
  await turn();
  left[0]?.fail(outage);
  const refused = { status: "rejected", reason: outage };
  expect(await answers).toEqual([refused, refused]);
  await turn();
  expect(left).toHaveLength(1);
});

test("after a failure those that waited leave as ever", async () => {
  const { gather, left } = await makeBusyScene();
  const answer = gather("five");
  left[0]?.fail(outage);
  await turn();
  left[4]?.succeed();
  expect(await answer).toBe("five is done");
});
