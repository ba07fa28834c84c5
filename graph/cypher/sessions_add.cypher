UNWIND range(0, size($rows.keys) - 1) AS n
MERGE (u:User {sessionId: $rows.keys[n]})
SET u:Session, u.index = $rows.index[n]
RETURN collect(n) AS row, collect(elementId(u)) AS id
