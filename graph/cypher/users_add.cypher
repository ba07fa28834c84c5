UNWIND range(0, size($keys) - 1) AS n
MERGE (u:User {userId: $keys[n]})
SET u.index = $index[n]
