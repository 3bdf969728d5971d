--!include 00_foundation/schemas.sql
--!include 00_foundation/queue.sql
--!include 00_foundation/settings.sql
--!include 00_foundation/permissions.sql

--!include 05_operations/tables.sql
--!include 05_operations/access.sql
--!include 05_operations/policies.sql
--!include 05_operations/alarms.sql

--!include 10_identity/tables.sql
--!include 10_identity/access.sql
--!include 10_identity/policies.sql
--!include 10_identity/functions.sql
--!include 10_identity/triggers.sql

--!include 20_plans/tables.sql
--!include 20_plans/access.sql
--!include 20_plans/policies.sql
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
--!include 50_billing/apply_billing.sql
--!include 50_billing/provisioning.sql
--!include 50_billing/inbox.sql
--!include 50_billing/sync_subscriptions.sql
--!include 50_billing/sync_invoices.sql
--!include 50_billing/sync.sql
--!include 50_billing/create_tenant.sql

--!include 70_stripe_checks/tables.sql
--!include 70_stripe_checks/access.sql
--!include 70_stripe_checks/policies.sql
--!include 70_stripe_checks/checks.sql
--!include 70_stripe_checks/poll.sql
--!include 70_stripe_checks/differences.sql
--!include 70_stripe_checks/sweep.sql
--!include 70_stripe_checks/request.sql

--!include 90_example/tables.sql
--!include 90_example/access.sql
--!include 90_example/policies.sql
--!include 90_example/triggers.sql
