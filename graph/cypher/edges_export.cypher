// Edges numbered $since < seq <= $until as columns, ascending within each relation: a seek in each index on seq.
MATCH (u:User)-[e:VIEWED]->(i:Item) WHERE $since < e.seq <= $until
WITH e.seq / 8192 AS part, u, e, i
RETURN 0 AS relation, part, collect(e.seq) AS seq, collect(u.index) AS user, collect(i.index) AS item,
       collect(e.at) AS at, collect(e.weight) AS weight, collect(coalesce(e.rating, $none)) AS rating
UNION ALL
MATCH (u:User)-[e:ADDED_TO_CART]->(i:Item) WHERE $since < e.seq <= $until
WITH e.seq / 8192 AS part, u, e, i
RETURN 1 AS relation, part, collect(e.seq) AS seq, collect(u.index) AS user, collect(i.index) AS item,
       collect(e.at) AS at, collect(e.weight) AS weight, collect(coalesce(e.rating, $none)) AS rating
UNION ALL
MATCH (u:User)-[e:WISHLISTED]->(i:Item) WHERE $since < e.seq <= $until
WITH e.seq / 8192 AS part, u, e, i
RETURN 2 AS relation, part, collect(e.seq) AS seq, collect(u.index) AS user, collect(i.index) AS item,
       collect(e.at) AS at, collect(e.weight) AS weight, collect(coalesce(e.rating, $none)) AS rating
UNION ALL
MATCH (u:User)-[e:PURCHASED]->(i:Item) WHERE $since < e.seq <= $until
WITH e.seq / 8192 AS part, u, e, i
RETURN 3 AS relation, part, collect(e.seq) AS seq, collect(u.index) AS user, collect(i.index) AS item,
       collect(e.at) AS at, collect(e.weight) AS weight, collect(coalesce(e.rating, $none)) AS rating
UNION ALL
MATCH (u:User)-[e:REVIEWED]->(i:Item) WHERE $since < e.seq <= $until
WITH e.seq / 8192 AS part, u, e, i
RETURN 4 AS relation, part, collect(e.seq) AS seq, collect(u.index) AS user, collect(i.index) AS item,
       collect(e.at) AS at, collect(e.weight) AS weight, collect(coalesce(e.rating, $none)) AS rating
