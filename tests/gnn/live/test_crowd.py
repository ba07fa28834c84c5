"""When a crowd is seen, by counting in sets; and what new users' events do meanwhile."""

from dataclasses import replace

import numpy as np
import pytest

from gnn.live import InfluenceCaps, LiveConfig, LiveEvents, LiveSignals, probation
from gnn.live.crowd import BLOCK, BLOCKS, CrowdLimit, CrowdWatch, window_counts
from gnn.live.familiar_steps import FamiliarSteps, items_of, pair_keys
from gnn.live.influence import Admission, InfluenceLedger
from gnn.live.probation import STEP
from gnn.shop_arrays import ShopArrays
from tests.gnn.live.shops import events, fitted, without_text
from tests.gnn.shops import cluster_shop

CAPS = InfluenceCaps(user_item=0, user=0, new_users_item=0, crowd_users=20)
KNOWN = 275


def grown_shop() -> ShopArrays:
    """Every fourth event of its last tenth is by a user who was not there before."""
    shop = cluster_shop(clusters=10, items_each=8, users_each=20, events_each=15)
    user = shop.user.copy()
    user[-300::4] = shop.n_users + np.arange(75)
    assert shop.n_users + 75 == KNOWN
    return replace(shop, n_users=KNOWN, user=user, at=np.arange(shop.n_events) * 10**6)


def joined(parts: list[LiveEvents]) -> LiveEvents:
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])}
    return LiveEvents(**columns)


def calm(n: int, first: int = 0) -> LiveEvents:
    rng = np.random.default_rng(first)
    return events(rng.integers(0, KNOWN, n).tolist(), rng.integers(0, 80, n).tolist(), first=first)


def crowd(n: int, first: int, *, item: int | None = None, user: int = KNOWN) -> LiveEvents:
    rng = np.random.default_rng(first)
    items = rng.integers(0, 80, n) if item is None else np.full(n, item)
    return events(list(range(user, user + n)), items.tolist(), first=first)


def in_batches(stream: LiveEvents, size: int) -> np.ndarray:
    """Which events count once all have come, (n,); as many are told not to as do not."""
    book = InfluenceLedger.of(CAPS, grown_shop())
    counts, damped = np.zeros(len(stream), np.bool_), 0
    for start in range(0, len(stream), size):
        part = stream.only(slice(start, start + size))
        book = book.copy()  # keeps all that later decisions need
        found: Admission = book.admit(part)
        counts[start : start + size] = found.admitted
        here, place = found.revised.places_in(stream.sequence)
        counts[here] = found.revised.weight[place] > 0
        damped += found.damped.get("damped_crowd", 0)
    assert damped == (~counts).sum()
    if book.waiting is not None:
        still = np.isin(stream.sequence, book.waiting.events.sequence[book.waiting.counts])
        assert counts[still].all(), "what counts as a voice counts"
    return counts


def test_users_of_windows_are_those_that_sets_count() -> None:
    rng = np.random.default_rng(0)
    user = rng.integers(0, 700, 33 * BLOCK + 70)
    is_new = (rng.random(700) < 0.4)[user]
    counts = window_counts(user, is_new)
    assert counts.shape == (2, 2, 33)
    for block in range(33):
        window = slice(max(0, block + 1 - BLOCKS) * BLOCK, (block + 1) * BLOCK)
        new, known = user[window][is_new[window]], user[window][~is_new[window]]
        assert counts[0, :, block].tolist() == [len(set(new)), len(set(known))]
        assert counts[1, :, block].tolist() == [len(new), len(known)]


def test_a_crowd_is_seen_a_block_later_and_gone_when_its_blocks_are() -> None:
    watch = CrowdWatch(CrowdLimit(at_least=30, users=0.5, events=0.1))
    user = np.concatenate([np.zeros(2 * BLOCK), np.arange(BLOCK) + 10, np.zeros(12 * BLOCK)]).astype(np.int64)
    crowded = watch.follow(events(user.tolist(), [0] * len(user)), user > 0).crowded
    assert np.flatnonzero(crowded).tolist() == list(range(3 * BLOCK, 13 * BLOCK))


def test_few_events_of_many_new_users_are_no_crowd() -> None:
    user = np.where(np.arange(2000) % 5, 0, np.arange(2000))
    few, many = (
        CrowdWatch(CrowdLimit(at_least=30, users=0.5, events=share)).follow(
            events(user.tolist(), [0] * len(user)), user > 0
        )
        for share in (0.3, 0.2)
    )
    assert not few.crowded.any()
    assert many.crowded[BLOCK * 3 :].all()


def test_small_shops_grow_as_they_like() -> None:
    shop = cluster_shop(clusters=4, items_each=5, users_each=8, events_each=8)
    limit = CrowdLimit.of(shop, at_least=1, factor=1.0)
    watch = CrowdWatch(limit)
    many = events(list(range(5000)), [0] * 5000)
    assert not watch.follow(many, np.ones(5000, np.bool_)).crowded.any()


def test_growth_by_known_and_new_users_alike_is_no_crowd() -> None:
    parts = [part for turn in range(40) for part in (calm(75, turn * 100), crowd(25, turn * 100 + 75))]
    users = [replace(p, user=p.user + 25 * t) if p.user[0] == KNOWN else p for t, p in enumerate(parts)]
    assert in_batches(joined(users), 4000).all()


@pytest.mark.parametrize("size", [1, 37, 100, 4000])
def test_what_counts_does_not_depend_on_batches(size: int) -> None:
    stream = joined([calm(150), crowd(900, 150), crowd(40, 1050, item=3, user=5000), calm(1500, 1090)])
    counts = in_batches(stream, size)
    assert np.array_equal(counts, in_batches(stream, len(stream)))
    elsewhere = stream.item[150:1050] != 3
    assert not counts[150:1050][elsewhere].any(), "those who came before the crowd was seen are taken back"
    assert counts[1050:1090].all(), "forty who agree on an item count, the first of them as well"
    assert counts[1090:].all(), "known users are never made to wait"


@pytest.mark.parametrize("size", [1, 10, 37])
def test_nor_where_more_wait_than_are_kept(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every step come ten strangers, and then ten whose familiar step begins with the oldest events."""
    monkeypatch.setattr(probation, "MOST", 400)
    lower, higher = items_of(FamiliarSteps.of(grown_shop()).keys)
    partner = dict(zip([*lower.tolist(), *higher.tolist()], [*higher.tolist(), *lower.tolist()], strict=True))
    rng = np.random.default_rng(0)
    user, item = list(range(KNOWN, KNOWN + 600)), rng.choice(list(partner), 600).tolist()
    while len(user) < 1000:
        oldest = slice(len(user) - 400, len(user) - 390)
        back, to = user[oldest], [partner[one] for one in item[oldest]]
        user += [*range(KNOWN + len(user), KNOWN + len(user) + 10), *back]
        item += [*rng.choice(list(partner), 10).tolist(), *to]
    stream = events(user, item)
    counts = in_batches(stream, size)
    assert np.array_equal(counts, in_batches(stream, len(stream)))
    assert counts[610::STEP].all(), "what is oldest when a step begins is reached by it"


def test_released_events_change_answers_like_events_that_never_waited() -> None:
    shop = grown_shop()
    model = fitted(shop)
    stream = joined([crowd(600, 0), crowd(40, 600, item=3, user=5000), calm(60, 640)])
    counts = in_batches(stream, len(stream))
    assert counts[600:640].all()
    live, other = (
        LiveSignals(
            model, without_text(shop), LiveConfig(caps=caps), np.arange(shop.n_events) - shop.n_events
        )
        for caps in (CAPS, replace(CAPS, crowd_factor=0))
    )
    waited = 0
    for start in range(0, len(stream), 50):
        fresh = live.fold_in(stream.only(slice(start, start + 50)))
        waited += fresh.counters.get("damped_crowd", 0)
    other.fold_in(stream.only(np.flatnonzero(counts)))
    assert waited == (~counts).sum() > 0
    live.propagate()
    other.propagate()
    assert np.allclose(live.model.item_vectors(), other.model.item_vectors(), atol=1e-5)


def planted(n: int, first: int, *, pair: tuple[int, int] = (5, 6), user: int = 7000) -> LiveEvents:
    """New users who look at the same two items."""
    return events(np.repeat(user + np.arange(n), 2).tolist(), list(pair) * n, first=first)


@pytest.mark.parametrize("size", [1, 37, 4000])
def test_a_few_who_agree_on_two_items_count_within_twenty_events(size: int) -> None:
    """Among new users who do anything, and too few of them for either item alone."""
    alone, after = crowd(900, 0), crowd(STEP, 910, user=8000)
    stream = joined([alone, planted(5, 900), after])
    counts = in_batches(stream, size)
    assert counts[900:910].all()
    assert np.isin(stream.item[:900][counts[:900]], [5, 6]).all(), "nobody else"
    later = joined([stream, planted(2, 930, user=9000), crowd(STEP, 934, user=9100)])
    assert in_batches(later, size)[930:934].all(), "and those who come later at once"


def test_three_who_agree_on_two_items_wait() -> None:
    stream = joined([crowd(900, 0), planted(3, 900), crowd(200, 906, user=8000)])
    assert not in_batches(stream, 50)[900:906].any()


def test_pairs_with_an_item_that_everybody_looks_at_say_nothing() -> None:
    """A thousand new users look at some item and then at the same one: no pair is agreed on, and what counts
    is what users of the shop did as well."""
    rng = np.random.default_rng(0)
    some = rng.integers(0, 80, 1000)
    items = np.stack([some, np.full(1000, 70)], axis=1).ravel()
    storm = events(np.repeat(5000 + np.arange(1000), 2).tolist(), items.tolist(), first=900)
    counts = in_batches(joined([crowd(900, 0), storm]), 500)[900::2]
    familiar = FamiliarSteps.of(grown_shop()).hold(pair_keys(some, np.full(1000, 70)))
    assert 0 < familiar.sum() < 100
    assert counts[familiar].all()
    assert counts[~familiar].mean() < 0.05


def others(item: int, *, familiar: bool) -> list[int]:
    """Items that do or do not follow one in the shop."""
    every = np.delete(np.arange(80), item)
    known = FamiliarSteps.of(grown_shop()).hold(pair_keys(every, np.full(79, item)))
    found: list[int] = every[known == familiar].tolist()
    return found


@pytest.mark.parametrize("size", [1, 37, 4000])
def test_a_newcomer_who_takes_a_familiar_step_does_not_wait(size: int) -> None:
    """A single one, among new users who do anything; the event that the step begins with counts as well."""
    here = events([7000, 7001], [5, 5], first=900)
    between = crowd(300, 902, user=8000)
    there = events([7000, 7001], [others(5, familiar=True)[0], others(5, familiar=False)[0]], first=1202)
    counts = in_batches(joined([crowd(900, 0), here, between, there]), size)
    assert counts[[900, 1202]].all()
    assert not counts[[901, 1203]].any()
    assert not counts[:900].any(), "nobody else"


def test_a_familiar_step_may_begin_where_something_counts_already() -> None:
    rush = crowd(40, 900, item=3, user=5000)
    there = events([5039, 5038], [others(3, familiar=True)[0], others(3, familiar=False)[0]], first=940)
    counts = in_batches(joined([crowd(900, 0), rush, there]), 20)
    assert counts[900:941].all()
    assert not counts[941]


def test_who_takes_a_familiar_step_is_a_voice_for_others() -> None:
    """Twelve come to an item by themselves, too few beside nine hundred who do anything; twenty more come by
    steps that count already, at most four by each."""
    alone, strangers, after = crowd(900, 0), crowd(12, 940, item=5, user=7000), crowd(STEP, 952, user=8000)
    origins = np.repeat(others(5, familiar=True)[:5], 4)
    items = np.stack([origins, np.full(20, 5)], axis=1).ravel()
    stepping = events(np.repeat(6000 + np.arange(20), 2).tolist(), items.tolist(), first=900)
    assert in_batches(joined([alone, stepping, strangers, after]), 50)[900:952].all()
    assert not in_batches(joined([alone, strangers, after]), 50)[900:912].any()


def between_two_crowds(*, familiar: bool, then: LiveEvents | None = None) -> LiveEvents:
    """One event of a newcomer while a crowd is there (1450), his next (1511) after it has gone, before it
    comes again at 2000."""
    last = others(5, familiar=familiar)[0]
    return joined(
        [
            *(crowd(900, 0), calm(550, 900)),
            *(events([7000], [5], first=1450), calm(60, 1451)),
            *(events([7000], [last], first=1511), calm(20, 1512)),
            *(crowd(700, 1532, user=9000), then or calm(60, 2232), calm(60, 2292)),
        ]
    )


@pytest.mark.parametrize("size", [1, 20, 4000])
def test_a_familiar_step_counts_from_where_it_began_across_a_gap_between_crowds(size: int) -> None:
    stream = between_two_crowds(familiar=True)
    book, there = InfluenceLedger.of(CAPS, grown_shop()), []
    for place in range(len(stream)):
        book.admit(stream.only(slice(place, place + 1)))
        there.append(book.waiting is not None)
    assert np.flatnonzero(np.diff(there)).tolist() == [99, 1499, 1999], "there, gone, and there again"
    assert in_batches(stream, size)[[1450, 1511]].all()
    assert not in_batches(between_two_crowds(familiar=False), size)[[1450, 1511]].any()


@pytest.mark.parametrize("size", [1, 20, 4000])
def test_agreement_releases_what_waited_in_the_crowd_before(size: int) -> None:
    """Sixty agree with one who came while the first crowd was there."""
    stream = between_two_crowds(familiar=False, then=crowd(60, 2232, item=5, user=12000))
    counts = in_batches(stream, size)
    assert counts[2232:2292].all()
    assert counts[1450]


@pytest.mark.parametrize("size", [1, 37, 4000])
def test_what_waits_again_with_each_crowd_is_told_once(size: int) -> None:
    waiting = crowd(30, 1450, user=7000)
    stream = joined([crowd(900, 0), calm(550, 900), waiting, calm(60, 1480), crowd(700, 1540, user=9000)])
    assert in_batches(joined([stream, calm(60, 2240)]), size)[1450:1480].mean() < 0.5
