/**
 * What happens by the clock, in UTC, in graphile-worker's crontab format. `fill` catches up on what
 * was due while no worker ran, `jobKey` folds several times that were missed into one.
 */
export const CRONTAB = `
7 * * * * stripe_poll_events ?fill=2h&jobKey=stripe_poll_events&queue=stripe_poll_events
23 * * * * stripe_check_endpoint ?fill=2h&jobKey=stripe_check_endpoint
41 2 * * * stripe_reconcile ?fill=2d&jobKey=stripe_reconcile&queue=stripe_reconcile
`;
