/** What a frontend asks of billing, over HTTP. */
import type { GraphQLAnswer } from "./client.ts";
import type { Member } from "./tenant_life.ts";

export type BillingRequest = {
  rowId: string;
  kind: string;
  status: "pending" | "done" | "failed";
  plan: string | null;
  interval: string | null;
  url: string | null;
  expiresAt: string | null;
  proratedAt: string | null;
  total: number | null;
  amountDue: number | null;
  currency: string | null;
  lines: { description: string; amount: number }[] | null;
  clientSecret: string | null;
  errorCode: string | null;
  errorMessage: string | null;
};

export type BillingMutation =
  | "createCheckoutSession"
  | "createBillingPortalSession"
  | "previewPlanChange"
  | "changePlan"
  | "cancelSubscription"
  | "resumeSubscription";

const FIELDS = `rowId kind status plan interval url expiresAt proratedAt total amountDue currency
  lines clientSecret errorCode errorMessage`;

/** Sends the mutation; the answer may be an error. */
export function tryBilling(
  { ask }: Pick<Member, "ask">,
  mutation: BillingMutation,
  input: Record<string, unknown> = {},
): Promise<GraphQLAnswer> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`;
  return ask(
    `mutation ($input: ${type}!) { ${mutation}(input: $input) { billingRequest { ${FIELDS} } } }`,
    { input },
  );
}

/** Sends the mutation; the request as it came back. */
export async function askBilling(
  member: Pick<Member, "ask">,
  mutation: BillingMutation,
  input: Record<string, unknown> = {},
): Promise<BillingRequest> {
  const { data, errors } = await tryBilling(member, mutation, input);
  const payload = data?.[mutation] as { billingRequest: BillingRequest } | null | undefined;
  if (!payload) throw new Error(`${mutation} failed: ${JSON.stringify(errors)}`);
  return payload.billingRequest;
}

/** The tenant's requests, the newest first. */
export async function billingRequests({ ask }: Pick<Member, "ask">): Promise<BillingRequest[]> {
  const { data, errors } = await ask(
    `query { billingRequests(orderBy: PRIMARY_KEY_DESC) { nodes { ${FIELDS} } } }`,
  );
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const list = data?.["billingRequests"] as { nodes: BillingRequest[] } | undefined;
  return list?.nodes ?? [];
}
