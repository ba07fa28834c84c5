"""What happens to a shop whose updater works, or does not."""

from graph.event_type import EventType
from service.change_log import ChangeKind
from service.live.fresh_segments import segment_files
from tests.service.live_home import SHOP, Live
from tests.service.release_toys import publish


def nothing(_live: Live) -> None:
    """Happens while no updater runs."""


def an_event(live: Live) -> None:
    live.post("item-30")


def an_item(live: Live) -> None:
    live.changes.note(ChangeKind.PUT, ["item-31"])


def a_refund(live: Live) -> None:
    live.post("item-31", EventType.REFUND)


def a_deletion(live: Live) -> None:
    live.store.delete_item("item-32")
    live.changes.note(ChangeKind.DELETED, ["item-32"])


def an_erasure(live: Live) -> None:
    live.log.erase_user("u")
    live.store.delete_user("u")
    live.changes.note(ChangeKind.RELOAD)


def events_taken_out(live: Live) -> None:
    live.changes.unfold(1, 1, "poison")


def another_release(live: Live) -> None:
    publish(live.releases, SHOP, 0)


def a_damaged_file(live: Live) -> None:
    (path,) = segment_files(live.home.fresh / str(live.releases.current_version())).values()
    path.write_bytes(b"x" * 100)
