MATCH (c:Category) WHERE c.index IS NULL
RETURN elementId(c) AS id, c.path AS path
LIMIT $limit
