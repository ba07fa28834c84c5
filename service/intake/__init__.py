"""A shop's files into the event log: loading, syncing, quarantine."""
