import { isRecord } from "./params.ts";

/** As many items as come along with a subscription; /v1/subscription_items has the rest. */
const ALONG = 10;

/** A subscription, or a list of some, with the first of its items each, and told that there are more. */
export function fewItems(answer: unknown): unknown {
  if (!isRecord(answer)) return answer;
  const { data } = answer;
  if (answer["object"] !== "list" || !Array.isArray(data)) return cut("", answer);
  return data.some((each) => each !== cut("", each))
    ? { ...answer, data: data.map((each: unknown) => cut("", each)) }
    : answer;
}

/** The same for JSON.stringify, and for subscriptions anywhere. That takes longer. */
export function cut(_key: string, value: unknown): unknown {
  if (!isRecord(value) || value["object"] !== "subscription") return value;
  const { items } = value;
  if (!isRecord(items) || !Array.isArray(items["data"]) || items["data"].length <= ALONG) {
    return value;
  }
  return { ...value, items: { ...items, data: items["data"].slice(0, ALONG), has_more: true } };
}
