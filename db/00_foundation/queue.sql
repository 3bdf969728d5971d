/*
 * graphile_worker's tables come from graphile-worker itself (`npm run migrate` installs them first).
 * They have row-level security without policies, so that only their owner gets in. The worker is
 * not an owner: these policies let it, and the definer functions that enqueue, work the queue.
 */
grant usage on schema graphile_worker to app_worker, app_definer;
grant execute on all functions in schema graphile_worker to app_worker, app_definer;
grant usage on all sequences in schema graphile_worker to app_worker, app_definer;
grant select, insert, update, delete on all tables in schema graphile_worker to app_worker;
-- The worker asks for the queue's version when it starts; the deployment alone writes it.
revoke insert, update, delete on graphile_worker.migrations from app_worker;
grant select, insert, update on
  graphile_worker._private_jobs,
  graphile_worker._private_job_queues,
  graphile_worker._private_tasks
  to app_definer;

drop policy if exists all_worker on graphile_worker._private_jobs;
create policy all_worker on graphile_worker._private_jobs
  for all to app_worker, app_definer using (true) with check (true);

drop policy if exists all_worker on graphile_worker._private_job_queues;
create policy all_worker on graphile_worker._private_job_queues
  for all to app_worker, app_definer using (true) with check (true);

drop policy if exists all_worker on graphile_worker._private_tasks;
create policy all_worker on graphile_worker._private_tasks
  for all to app_worker, app_definer using (true) with check (true);

drop policy if exists all_worker on graphile_worker._private_known_crontabs;
create policy all_worker on graphile_worker._private_known_crontabs
  for all to app_worker using (true) with check (true);
