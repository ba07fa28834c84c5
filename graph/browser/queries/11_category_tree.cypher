// The category tree below a category, with its items counted.
// :param category => 'PATH'     ('' shows the roots)
MATCH (top:Category)
WHERE top.path = $category OR ($category = '' AND NOT (top)-[:CHILD_OF]->())
WITH top ORDER BY top.path LIMIT 30
OPTIONAL MATCH tree = (top)<-[:CHILD_OF*1..2]-(below:Category)
WITH top, tree, below LIMIT 300
RETURN top, tree, COUNT { (below)<-[:IN_CATEGORY]-() } AS items
LIMIT 300
