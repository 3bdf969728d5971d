--!include 00_foundation/schemas.sql
--!include 00_foundation/queue.sql
--!include 00_foundation/settings.sql
--!include 00_foundation/permissions.sql

--!include 05_operations/tables.sql
--!include 05_operations/access.sql
--!include 05_operations/policies.sql
--!include 05_operations/alarms.sql
--!include 05_operations/heartbeats.sql
--!include 05_operations/failed_jobs.sql
--!include 05_operations/stripe_pause.sql
--!include 05_operations/stripe_budget.sql
--!include 05_operations/operator.sql

--!include 10_identity/tables.sql
--!include 10_identity/access.sql
--!include 10_identity/policies.sql
--!include 10_identity/functions.sql
--!include 10_identity/triggers.sql

--!include 20_plans/tables.sql
--!include 20_plans/access.sql
--!include 20_plans/policies.sql
--!include 20_plans/catalog.sql
--!include 20_plans/seed.sql

--!include 30_tenancy/tables.sql
--!include 30_tenancy/access.sql
--!include 30_tenancy/policies.sql
--!include 30_tenancy/enter.sql
--!include 30_tenancy/functions.sql
--!include 30_tenancy/member_checks.sql
--!include 30_tenancy/members.sql
--!include 30_tenancy/invitation_checks.sql
--!include 30_tenancy/invitations.sql
--!include 30_tenancy/invitation_answers.sql
--!include 30_tenancy/api_keys.sql
--!include 30_tenancy/api_key_changes.sql
--!include 30_tenancy/triggers.sql
--!include 30_tenancy/seed.sql

--!include 35_audit_log/tables.sql
--!include 35_audit_log/access.sql
--!include 35_audit_log/policies.sql
--!include 35_audit_log/functions.sql
--!include 35_audit_log/triggers.sql

--!include 40_usage/tables.sql
--!include 40_usage/access.sql
--!include 40_usage/policies.sql
--!include 40_usage/functions.sql

--!include 50_billing/tables.sql
--!include 50_billing/access.sql
--!include 50_billing/policies.sql
--!include 50_billing/invoices.sql
--!include 50_billing/access_rules.sql
--!include 50_billing/withdrawal.sql
--!include 50_billing/paid_after_closing.sql
--!include 50_billing/renewal.sql
--!include 50_billing/apply_billing.sql
--!include 50_billing/provisioning.sql
--!include 50_billing/event_routes.sql
--!include 50_billing/inbox.sql
--!include 50_billing/event_states.sql
--!include 50_billing/event_settling.sql
--!include 50_billing/event_care.sql
--!include 50_billing/sync_subscriptions.sql
--!include 50_billing/sync_invoices.sql
--!include 50_billing/forget_customer.sql
--!include 50_billing/sync_alarms.sql
--!include 50_billing/sync.sql
--!include 50_billing/create_tenant.sql
--!include 50_billing/seats.sql
--!include 50_billing/seat_changes.sql
--!include 50_billing/seat_triggers.sql
--!include 50_billing/meter_events.sql

--!include 55_billing_requests/tables.sql
--!include 55_billing_requests/access.sql
--!include 55_billing_requests/policies.sql
--!include 55_billing_requests/checks.sql
--!include 55_billing_requests/book.sql
--!include 55_billing_requests/requests.sql
--!include 55_billing_requests/run.sql
--!include 55_billing_requests/expiry.sql

--!include 60_billing_mails/tables.sql
--!include 60_billing_mails/access.sql
--!include 60_billing_mails/policies.sql
--!include 60_billing_mails/booking.sql
--!include 60_billing_mails/triggers.sql
--!include 60_billing_mails/sending.sql

--!include 70_stripe_checks/tables.sql
--!include 70_stripe_checks/access.sql
--!include 70_stripe_checks/policies.sql
--!include 70_stripe_checks/checks.sql
--!include 70_stripe_checks/poll.sql
--!include 70_stripe_checks/differences.sql
--!include 70_stripe_checks/repair.sql
--!include 70_stripe_checks/sweep.sql
--!include 70_stripe_checks/request.sql

--!include 90_example/tables.sql
--!include 90_example/access.sql
--!include 90_example/policies.sql
--!include 90_example/triggers.sql
