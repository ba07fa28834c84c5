// Drift between releases: every release with its metrics and how many events it had seen, newest first.
// No parameters.
MATCH (release:Release)
MATCH (store:IlkStore)
RETURN release.version AS version, release.version = store.similarVersion AS shown,
       release.eventsThrough AS eventsThrough, store.appliedSeq - release.eventsThrough AS eventsSince,
       properties(release) AS details
ORDER BY eventsThrough DESC
LIMIT 20
