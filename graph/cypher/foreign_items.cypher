// Items that someone else made. Those that cannot be read stay without a number, hence the bound.
MATCH (i:Item) WHERE i.index IS NULL
WITH i LIMIT $limit
OPTIONAL MATCH (i)-[:IN_CATEGORY]->(c:Category)
RETURN elementId(i) AS id, properties(i) AS item, collect(DISTINCT c.path) AS paths
