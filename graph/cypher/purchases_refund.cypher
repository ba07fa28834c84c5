// `fullWeight` keeps what the purchase weighed before any refund.
UNWIND range(0, size($seq) - 1) AS n
MATCH ()-[e:PURCHASED {seq: $seq[n]}]->()
SET e.refunded = $refunded[n], e.fullWeight = coalesce(e.fullWeight, e.weight)
SET e.weight = e.fullWeight * (1 - e.refunded / coalesce(e.quantity, 1.0))
