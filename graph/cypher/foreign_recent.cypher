// Edges that someone else wrote lately: a seek in each index on `at`. $look: relations whose counts disagree.
// The hint and the second WHERE keep planners from reading all edges while the index is young.
UNWIND CASE WHEN $look[0] THEN [1] ELSE [] END AS one
MATCH (u)-[e:VIEWED]->(i) USING INDEX SEEK e:VIEWED(at)
WHERE e.at > $after WITH u, e, i WHERE e.seq IS NULL OR e.eventId IS NULL
RETURN elementId(e) AS id, 0 AS relation, properties(e) AS edge, u:User AS fromUser, u.userId AS userId,
       u.sessionId AS sessionId, i:Item AS toItem, i.itemId AS itemId, i.index IS NOT NULL AS numbered
LIMIT $limit[0]
UNION ALL
UNWIND CASE WHEN $look[1] THEN [1] ELSE [] END AS one
MATCH (u)-[e:ADDED_TO_CART]->(i) USING INDEX SEEK e:ADDED_TO_CART(at)
WHERE e.at > $after WITH u, e, i WHERE e.seq IS NULL OR e.eventId IS NULL
RETURN elementId(e) AS id, 1 AS relation, properties(e) AS edge, u:User AS fromUser, u.userId AS userId,
       u.sessionId AS sessionId, i:Item AS toItem, i.itemId AS itemId, i.index IS NOT NULL AS numbered
LIMIT $limit[1]
UNION ALL
UNWIND CASE WHEN $look[2] THEN [1] ELSE [] END AS one
MATCH (u)-[e:WISHLISTED]->(i) USING INDEX SEEK e:WISHLISTED(at)
WHERE e.at > $after WITH u, e, i WHERE e.seq IS NULL OR e.eventId IS NULL
RETURN elementId(e) AS id, 2 AS relation, properties(e) AS edge, u:User AS fromUser, u.userId AS userId,
       u.sessionId AS sessionId, i:Item AS toItem, i.itemId AS itemId, i.index IS NOT NULL AS numbered
LIMIT $limit[2]
UNION ALL
UNWIND CASE WHEN $look[3] THEN [1] ELSE [] END AS one
MATCH (u)-[e:PURCHASED]->(i) USING INDEX SEEK e:PURCHASED(at)
WHERE e.at > $after WITH u, e, i WHERE e.seq IS NULL OR e.eventId IS NULL
RETURN elementId(e) AS id, 3 AS relation, properties(e) AS edge, u:User AS fromUser, u.userId AS userId,
       u.sessionId AS sessionId, i:Item AS toItem, i.itemId AS itemId, i.index IS NOT NULL AS numbered
LIMIT $limit[3]
UNION ALL
UNWIND CASE WHEN $look[4] THEN [1] ELSE [] END AS one
MATCH (u)-[e:REVIEWED]->(i) USING INDEX SEEK e:REVIEWED(at)
WHERE e.at > $after WITH u, e, i WHERE e.seq IS NULL OR e.eventId IS NULL
RETURN elementId(e) AS id, 4 AS relation, properties(e) AS edge, u:User AS fromUser, u.userId AS userId,
       u.sessionId AS sessionId, i:Item AS toItem, i.itemId AS itemId, i.index IS NOT NULL AS numbered
LIMIT $limit[4]
