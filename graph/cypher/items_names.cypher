UNWIND $index AS index
MATCH (i:Item {index: index})
RETURN index, i.itemId AS key
