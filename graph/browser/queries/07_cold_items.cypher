// Items that nobody has touched yet: they live on text and category alone.
// No parameters. Reads up to 20,000 items.
MATCH (item:Item)
WITH item LIMIT 20000
WHERE NOT EXISTS { (item)<-[:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]-() }
OPTIONAL MATCH (item)-[:IN_CATEGORY]->(category:Category)
RETURN item.itemId AS itemId, item.title AS title, head(collect(category.path)) AS category
LIMIT 50
