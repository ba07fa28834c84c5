UNWIND range(0, size($rows.seq) - 1) AS n
MATCH ()-[e:VIEWED {seq: $rows.seq[n]}]->() WHERE coalesce(e.fullWeight, e.weight) <> $rows.weight[n]
SET e.fullWeight = CASE WHEN e.fullWeight IS NULL THEN null ELSE $rows.weight[n] END,
    e.weight = $rows.weight[n] * (1 - coalesce(e.refunded, 0.0) / coalesce(e.quantity, 1.0))
RETURN count(e) AS changed;
UNWIND range(0, size($rows.seq) - 1) AS n
MATCH ()-[e:ADDED_TO_CART {seq: $rows.seq[n]}]->() WHERE coalesce(e.fullWeight, e.weight) <> $rows.weight[n]
SET e.fullWeight = CASE WHEN e.fullWeight IS NULL THEN null ELSE $rows.weight[n] END,
    e.weight = $rows.weight[n] * (1 - coalesce(e.refunded, 0.0) / coalesce(e.quantity, 1.0))
RETURN count(e) AS changed;
UNWIND range(0, size($rows.seq) - 1) AS n
MATCH ()-[e:WISHLISTED {seq: $rows.seq[n]}]->() WHERE coalesce(e.fullWeight, e.weight) <> $rows.weight[n]
SET e.fullWeight = CASE WHEN e.fullWeight IS NULL THEN null ELSE $rows.weight[n] END,
    e.weight = $rows.weight[n] * (1 - coalesce(e.refunded, 0.0) / coalesce(e.quantity, 1.0))
RETURN count(e) AS changed;
UNWIND range(0, size($rows.seq) - 1) AS n
MATCH ()-[e:PURCHASED {seq: $rows.seq[n]}]->() WHERE coalesce(e.fullWeight, e.weight) <> $rows.weight[n]
SET e.fullWeight = CASE WHEN e.fullWeight IS NULL THEN null ELSE $rows.weight[n] END,
    e.weight = $rows.weight[n] * (1 - coalesce(e.refunded, 0.0) / coalesce(e.quantity, 1.0))
RETURN count(e) AS changed;
UNWIND range(0, size($rows.seq) - 1) AS n
MATCH ()-[e:REVIEWED {seq: $rows.seq[n]}]->() WHERE coalesce(e.fullWeight, e.weight) <> $rows.weight[n]
SET e.fullWeight = CASE WHEN e.fullWeight IS NULL THEN null ELSE $rows.weight[n] END,
    e.weight = $rows.weight[n] * (1 - coalesce(e.refunded, 0.0) / coalesce(e.quantity, 1.0))
RETURN count(e) AS changed;
