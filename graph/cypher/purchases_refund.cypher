// `fullWeight` keeps what the purchase weighed before any refund.
UNWIND range(0, size($rows.seq) - 1) AS n
MATCH ()-[e:PURCHASED {seq: $rows.seq[n]}]->()
SET e.refunded = $rows.refunded[n], e.fullWeight = coalesce(e.fullWeight, e.weight)
SET e.weight = e.fullWeight * (1 - e.refunded / coalesce(e.quantity, 1.0))
