UNWIND $index AS index
MATCH (c:Category {index: index})
RETURN index, c.path AS key
