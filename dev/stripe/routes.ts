import { checkoutRoutes } from "./resources/checkout_sessions.ts";
import { customerRoutes } from "./resources/customers.ts";
import { earlyFraudWarningRoutes } from "./resources/early_fraud_warnings.ts";
import { entitlementRoutes } from "./resources/entitlements.ts";
import { eventDestinationRoutes } from "./resources/event_destinations.ts";
import { eventRoutes } from "./resources/events.ts";
import { couponRoutes } from "./resources/coupons.ts";
import { chargeRoutes } from "./resources/charges.ts";
import { disputeRoutes } from "./resources/disputes.ts";
import { featureRoutes } from "./resources/features.ts";
import { meterRoutes } from "./resources/meters.ts";
import { refundRoutes } from "./resources/refunds.ts";
import { setupIntentRoutes } from "./resources/setup_intents.ts";
import { invoiceItemRoutes } from "./resources/invoice_items.ts";
import { invoicePaymentRoutes } from "./resources/invoice_payments.ts";
import { invoiceRoutes } from "./resources/invoices.ts";
import { paymentIntentRoutes } from "./resources/payment_intents.ts";
import { paymentMethodRoutes } from "./resources/payment_methods.ts";
import { previewRoutes } from "./resources/preview.ts";
import { portalConfigurationRoutes } from "./resources/portal_configurations.ts";
import { portalSessionRoutes } from "./resources/portal_sessions.ts";
import { priceRoutes } from "./resources/prices.ts";
import { productRoutes } from "./resources/products.ts";
import { promotionCodeRoutes } from "./resources/promotion_codes.ts";
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
  ...chargeRoutes,
  ...checkoutRoutes,
  ...couponRoutes,
  ...disputeRoutes,
  ...earlyFraudWarningRoutes,
  ...featureRoutes,
  ...meterRoutes,
  ...refundRoutes,
  ...setupIntentRoutes,
  ...previewRoutes,
  ...invoiceItemRoutes,
  ...invoicePaymentRoutes,
  ...invoiceRoutes,
  ...paymentIntentRoutes,
  ...paymentMethodRoutes,
  ...portalConfigurationRoutes,
  ...portalSessionRoutes,
  ...priceRoutes,
  ...productRoutes,
  ...promotionCodeRoutes,
  ...subscriptionItemRoutes,
  ...subscriptionRoutes,
  ...testClockRoutes,
  ...eventDestinationRoutes,
  ...webhookEndpointRoutes,
];
