// What happened since a release was made: items by the number of events it has not seen.
// :param release => 'VERSION'   (see 09_releases for the versions)
// Counts in the index on seq, hence cheap on any graph. Reads up to 50,000 events of each kind.
MATCH (release:Release {version: $release})
CALL (release) {
  MATCH ()-[e:VIEWED]->(item:Item) WHERE e.seq > release.eventsThrough RETURN item, e LIMIT 50000
  UNION ALL
  MATCH ()-[e:ADDED_TO_CART]->(item:Item) WHERE e.seq > release.eventsThrough RETURN item, e LIMIT 50000
  UNION ALL
  MATCH ()-[e:WISHLISTED]->(item:Item) WHERE e.seq > release.eventsThrough RETURN item, e LIMIT 50000
  UNION ALL
  MATCH ()-[e:PURCHASED]->(item:Item) WHERE e.seq > release.eventsThrough RETURN item, e LIMIT 50000
  UNION ALL
  MATCH ()-[e:REVIEWED]->(item:Item) WHERE e.seq > release.eventsThrough RETURN item, e LIMIT 50000
}
RETURN item.itemId AS itemId, item.title AS title, count(e) AS newEvents, min(e.seq) AS firstSeq
ORDER BY newEvents DESC, itemId
LIMIT 50
