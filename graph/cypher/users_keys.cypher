MATCH (n:User) WHERE n.index IS NOT NULL
RETURN n.index % 16 AS part, collect(n.index) AS index,
       collect(coalesce(n.userId, n.sessionId)) AS key, collect(n.userId IS NULL) AS anonymous
