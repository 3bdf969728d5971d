/**
 * What happens by the clock, in UTC, in graphile-worker's crontab format. `fill` catches up on what
 * was due while no worker ran, `jobKey` folds several times that were missed into one.
 */
export const CRONTAB = `
17 3 * * * stripe_sync_catalog ?fill=1d
37 3 * * * check_seats ?fill=1d
* * * * * stripe_tend_events
41 3 * * * stripe_prune_events ?fill=1d
7 * * * * stripe_poll_events ?fill=2h&jobKey=stripe_poll_events&queue=stripe_poll_events
23 * * * * stripe_check_endpoint ?fill=2h&jobKey=stripe_check_endpoint
41 2 * * * stripe_reconcile ?fill=2d&jobKey=stripe_reconcile&queue=stripe_reconcile
`;
