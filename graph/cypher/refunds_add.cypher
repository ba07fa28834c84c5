UNWIND range(0, size($eventId) - 1) AS n
CREATE (:Refund {eventId: $eventId[n], seq: $seq[n], user: $user[n], item: $item[n]})
