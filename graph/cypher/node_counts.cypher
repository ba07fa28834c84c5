// All items and categories, others' too, from the count store.
CALL () { MATCH (i:Item) RETURN count(i) AS items }
CALL () { MATCH (c:Category) RETURN count(c) AS categories }
RETURN items, categories
