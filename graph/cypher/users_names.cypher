UNWIND $index AS index
MATCH (u:User {index: index})
RETURN index, coalesce(u.userId, u.sessionId) AS key
