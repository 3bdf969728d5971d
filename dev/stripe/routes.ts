import { customerRoutes } from "./resources/customers.ts";
import { entitlementRoutes } from "./resources/entitlements.ts";
import { eventRoutes } from "./resources/events.ts";
import { invoicePaymentRoutes } from "./resources/invoice_payments.ts";
import { invoiceRoutes } from "./resources/invoices.ts";
import { paymentIntentRoutes } from "./resources/payment_intents.ts";
import { paymentMethodRoutes } from "./resources/payment_methods.ts";
import { priceRoutes } from "./resources/prices.ts";
import { productRoutes } from "./resources/products.ts";
import { subscriptionItemRoutes } from "./resources/subscription_items.ts";
import { subscriptionRoutes } from "./resources/subscriptions.ts";
import { testClockRoutes } from "./resources/test_clocks.ts";
import { webhookEndpointRoutes } from "./resources/webhook_endpoints.ts";
import type { Route } from "./route.ts";

/** Every endpoint of the API that the emulator has. The first that fits a request answers it. */
export const ROUTES: readonly Route[] = [
  ...customerRoutes,
  ...entitlementRoutes,
  ...eventRoutes,
  ...invoicePaymentRoutes,
  ...invoiceRoutes,
  ...paymentIntentRoutes,
  ...paymentMethodRoutes,
  ...priceRoutes,
  ...productRoutes,
  ...subscriptionItemRoutes,
  ...subscriptionRoutes,
  ...testClockRoutes,
  ...webhookEndpointRoutes,
];
