// A session is found by its id where no user has the same one.
MATCH (u:User)
WHERE (u.userId = $key OR u.sessionId = $key) AND u.index IS NOT NULL
RETURN u.index AS index
ORDER BY u.userId IS NULL
LIMIT 1
