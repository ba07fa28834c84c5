MATCH (c:Category {path: $key})
WHERE c.index IS NOT NULL
RETURN c.index AS index
