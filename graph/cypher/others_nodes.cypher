// Nodes that are not of an Ilk graph, a few of them: whether a database may be somebody else's.
MATCH (n)
WHERE none(label IN labels(n) WHERE label IN ['User', 'Item', 'Category', 'Release'] OR label STARTS WITH 'Ilk')
WITH n LIMIT 1000
RETURN count(n) AS nodes, collect(DISTINCT coalesce(labels(n)[0], 'no label'))[..5] AS labels
