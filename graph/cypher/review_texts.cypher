MATCH (:User)-[e:VIEWED|ADDED_TO_CART|WISHLISTED|PURCHASED|REVIEWED]->(i:Item)
WHERE e.seq > $since AND e.reviewText IS NOT NULL
RETURN e.seq AS seq, i.index AS item, e.rating AS rating, e.at AS at, e.reviewText AS review_text,
       e.helpful AS helpful
ORDER BY seq
