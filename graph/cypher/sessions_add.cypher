UNWIND range(0, size($keys) - 1) AS n
MERGE (u:User {sessionId: $keys[n]})
SET u:Session, u.index = $index[n]
