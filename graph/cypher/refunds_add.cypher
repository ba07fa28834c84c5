UNWIND range(0, size($rows.eventId) - 1) AS n
CREATE (:Refund {eventId: $rows.eventId[n], seq: $rows.seq[n], user: $rows.user[n], item: $rows.item[n]})
