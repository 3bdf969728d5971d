/**
 * What happens by the clock, in UTC, in graphile-worker's crontab format. `?fill` catches up on what
 * was due while no worker ran; each task may run twice at no harm.
 */
export const CRONTAB = `
17 3 * * * stripe_sync_catalog ?fill=1d
37 3 * * * check_seats ?fill=1d
* * * * * stripe_tend_events
41 3 * * * stripe_prune_events ?fill=1d
`;
