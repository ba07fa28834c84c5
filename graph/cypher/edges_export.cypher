// Edges numbered $since < seq <= $until as columns, ascending within each relation: a seek in each index on
// seq. Ends need no label check: only edges between users and items are ever numbered.
MATCH (u)-[e:VIEWED]->(i) WHERE $since < e.seq <= $until
RETURN 0 AS relation, e.seq / 8192 AS part, collect(e.seq) AS seq, collect(u.index) AS user,
       collect(i.index) AS item, collect(e.at) AS at, collect(e.weight) AS weight,
       collect(coalesce(e.rating, $none)) AS rating
UNION ALL
MATCH (u)-[e:ADDED_TO_CART]->(i) WHERE $since < e.seq <= $until
RETURN 1 AS relation, e.seq / 8192 AS part, collect(e.seq) AS seq, collect(u.index) AS user,
       collect(i.index) AS item, collect(e.at) AS at, collect(e.weight) AS weight,
       collect(coalesce(e.rating, $none)) AS rating
UNION ALL
MATCH (u)-[e:WISHLISTED]->(i) WHERE $since < e.seq <= $until
RETURN 2 AS relation, e.seq / 8192 AS part, collect(e.seq) AS seq, collect(u.index) AS user,
       collect(i.index) AS item, collect(e.at) AS at, collect(e.weight) AS weight,
       collect(coalesce(e.rating, $none)) AS rating
UNION ALL
MATCH (u)-[e:PURCHASED]->(i) WHERE $since < e.seq <= $until
RETURN 3 AS relation, e.seq / 8192 AS part, collect(e.seq) AS seq, collect(u.index) AS user,
       collect(i.index) AS item, collect(e.at) AS at, collect(e.weight) AS weight,
       collect(coalesce(e.rating, $none)) AS rating
UNION ALL
MATCH (u)-[e:REVIEWED]->(i) WHERE $since < e.seq <= $until
RETURN 4 AS relation, e.seq / 8192 AS part, collect(e.seq) AS seq, collect(u.index) AS user,
       collect(i.index) AS item, collect(e.at) AS at, collect(e.weight) AS weight,
       collect(coalesce(e.rating, $none)) AS rating
