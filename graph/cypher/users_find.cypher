// The hint: from the first rows of a database the planner may take a scan of all nodes by `index` for each row.
UNWIND range(0, size($rows.keys) - 1) AS n
MATCH (u:User {userId: $rows.keys[n]})
USING INDEX SEEK u:User(userId)
WHERE u.index IS NOT NULL
RETURN collect(n) AS row, collect(u.index) AS found, collect(elementId(u)) AS id
