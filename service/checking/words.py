"""A check's findings in words for whoever runs the shop: sections of sentences and tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from graph.formats import Problem
from service.checking.check import CheckReport
from service.checking.gain import GainRow
from service.checking.reasons import REASONS

OUTCOMES = {"rejected": "left out", "repaired": "mended", "incomplete": "file ends early"}
TASKS = {
    "next/warm": "what the same shopper turns to next",
    "next/cold": "the same, among products that are new",
    "basket/warm": "what is bought along with it",
    "user_next": "what a returning shopper turns to",
}
SHARE_OF_REPEATS_TO_MIND = 0.05
SHARE_OF_COLD_TO_MIND = 0.30
SHARE_OF_TITLES_TO_MIND = 0.90


@dataclass(frozen=True)
class Table:
    """Rows under a header; the first column is text, numbers are right of it."""

    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Section:
    """One part of the report."""

    title: str
    lines: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    """Sentences below the tables."""


def sections(report: CheckReport) -> list[Section]:
    """The whole report, the essence first."""
    parts = [
        Section("In short", list(_in_short(report))),
        _files(report),
        _problems(report),
        _activity(report),
        _cold(report),
        _repeated(report),
        _rates(report),
        _outliers(report),
        _text(report),
        _gain(report),
    ]
    return [part for part in parts if part.lines or part.tables]


def _in_short(report: CheckReport) -> Iterator[str]:
    activity, catalogue, counts = report.activity, report.catalogue, report.scan.counts
    yield (
        f"{catalogue.items:,} products and {activity.events:,} events of {activity.users:,} shoppers"
        + (f" and {activity.sessions:,} sessions without one" if activity.sessions else "")
        + (f", from {activity.first} to {activity.last}." if activity.first else ".")
    )
    read = sum(count.read for count in counts.values())
    lost = sum(sum(count.rejected.values()) for count in counts.values())
    yield f"{lost:,} of {read:,} rows have to be left out ({_percent(lost / max(1, read))})."
    if any(count.incomplete for count in counts.values()):
        yield "At least one file ends early or is damaged: export it again before you rely on it."
    if catalogue.items == 0:
        yield "There is no catalogue: without titles new products cannot be placed. Add a file of items."
    if catalogue.items and catalogue.filled["title"] < SHARE_OF_TITLES_TO_MIND:
        yield (
            f"Only {_percent(catalogue.filled['title'])} of the products have a usable title: mend this "
            "first, texts place what nobody has turned to yet."
        )
    if catalogue.without_events > SHARE_OF_COLD_TO_MIND:
        yield (
            f"{_percent(catalogue.without_events)} of the products have no event yet: for these only texts "
            "and categories speak, so good titles matter."
        )
    if catalogue.repeated_items > SHARE_OF_REPEATS_TO_MIND * max(1, catalogue.items):
        yield f"{catalogue.repeated_items:,} products look like repeats of another one."
    if report.text.coverage and report.text.coverage.suggestion:
        better = report.text.coverage.suggestion
        yield f"The text model knows this language badly; set encoder.model to {better}."
    yield _gain_in_short(report)


def _gain_in_short(report: CheckReport) -> str:
    if report.gain.skipped:
        return report.gain.skipped
    decided = [row for row in report.gain.rows if row.verdict in ("better", "worse", "even")]
    if not decided:
        return "The trial found too few cases to tell Ilk and item-kNN apart."
    tally = [sum(row.verdict == verdict for row in decided) for verdict in ("better", "even", "worse")]
    return (
        f"In the trial on these data Ilk was better than item-kNN in {tally[0]} of {len(decided)} tasks, "
        f"even in {tally[1]} and worse in {tally[2]}; figures below."
    )


def _files(report: CheckReport) -> Section:
    rows = [
        (
            kind,
            f"{count.read:,}",
            f"{count.accepted:,}",
            f"{count.duplicates:,}",
            f"{sum(count.rejected.values()):,}",
        )
        for kind, count in report.scan.counts.items()
        if count.read
    ]
    lines = [f"The files were recognised as: {report.scan.format}.", *report.scan.notes]
    return Section("What was read", lines, [Table(("rows", "read", "usable", "repeated", "left out"), rows)])


def _problems(report: CheckReport) -> Section:
    rows: list[tuple[str, ...]] = []
    for kind, counts in report.scan.counts.items():
        for outcome, reasons in (
            ("rejected", counts.rejected),
            ("repaired", counts.repaired),
            ("incomplete", counts.incomplete),
        ):
            for reason, number in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])):
                words = REASONS.get(reason, reason.replace("_", " "))
                rows.append((f"{words} ({reason})", kind, OUTCOMES[outcome], f"{number:,}"))
    examples = [
        f"{reason}: {_place(problem)}" + (f": {problem.excerpt}" if problem.excerpt else "")
        for (_, _, reason), problems in sorted(report.scan.examples.items())
        for problem in problems
    ]
    if not rows:
        return Section("Rows that need attention", ["None."])
    table = Table(("what", "in", "outcome", "rows"), rows)
    return Section("Rows that need attention", [], [table], examples)


def _place(problem: Problem) -> str:
    if problem.last_line:
        return f"{problem.file}, lines {problem.line:,} to {problem.last_line:,} ({problem.rows:,} rows)"
    return f"{problem.file}, line {problem.line:,}"


def _activity(report: CheckReport) -> Section:
    activity = report.activity
    if not activity.events:
        return Section("Events over time", ["There are no events: similarity will rest on texts alone."])
    rows = [(name, *(f"{n:,}" for n in numbers)) for name, numbers in activity.by_period]
    lines = []
    if activity.review_texts:
        told = f"{activity.review_votes:,}"
        lines = [f"Reviews with a text: {activity.review_texts:,}; with a count of helpful votes: {told}."]
    return Section("Events over time", lines, [Table((activity.period, *activity.types), rows)])


def _cold(report: CheckReport) -> Section:
    catalogue, activity = report.catalogue, report.activity
    untouched, few = _percent(catalogue.without_events), _percent(catalogue.with_few_events)
    lines = [
        f"Products without any event: {untouched}; with fewer than five: {few}.",
        f"Shoppers and sessions with a single product: {_percent(activity.users_with_one_item)}.",
    ]
    if activity.users_with_one_item:
        lines.append("Such shoppers tell what is popular, not what belongs together.")
    if catalogue.unknown_items:
        lines.append(
            f"{catalogue.unknown_items:,} products occur in events and are missing from the catalogue: "
            "they can be learned from but have no title."
        )
    return Section("New products and new shoppers", lines)


def _repeated(report: CheckReport) -> Section:
    catalogue = report.catalogue
    if not catalogue.repeated_groups:
        return Section("Products that repeat", ["None: no two products share title and brand."])
    line = (
        f"{catalogue.repeated_items:,} products in {catalogue.repeated_groups:,} groups share title and "
        "brand (case, punctuation and blanks aside). Variants may do so; copies split their events among "
        "them."
    )
    rows = [
        (f"{title} / {brand}" if brand else title, ", ".join(ids))
        for title, brand, ids in catalogue.repeated_examples
    ]
    return Section("Products that repeat", [line], _tables(("title", "some of the ids"), rows))


def _rates(report: CheckReport) -> Section:
    rates = report.activity.rates
    if not report.activity.events:
        return Section("Faster than people")
    if not rates.judged:
        return Section("Faster than people", ["The times are whole days, so that rates cannot be judged."])
    if not rates.users:
        return Section("Faster than people", [f"Nobody acts more than {rates.limit} times in one minute."])
    line = (
        f"{rates.users:,} shoppers or sessions act more than {rates.limit} times in some minute; they stand "
        f"for {rates.events:,} events ({_percent(rates.share)}). Robots look like that, and test accounts: "
        "leave them out of the files. An order of many products counts as one act here."
    )
    rows = [(user, f"{deeds:,}") for user, deeds in rates.fastest]
    return Section("Faster than people", [line], _tables(("who", "acts in one minute"), rows))


def _outliers(report: CheckReport) -> Section:
    lines: list[str] = []
    rows: list[tuple[str, ...]] = []
    for one in report.outliers:
        money = f" {one.currency}" if one.currency else ""
        name = f"Prices{f' in{money}' if money else ''}" if one.what == "price" else "Quantities"
        noun = ("product" if one.what == "price" else "event") + "s" * (one.unusual != 1)
        span = f"outside {_number(one.low)} to {_number(one.high)}"
        if one.what == "quantity":
            span = f"above {_number(one.high)}"
        line = f"{name}: usually {_number(one.usual)}; {one.unusual:,} {noun} {span}."
        if one.not_positive:
            line += f" Priced at 0 or less: {one.not_positive:,}."
        lines.append(line)
        rows += [(f"{one.what} of {item_id}", _number(number) + money) for item_id, number in one.examples]
    if lines:
        lines.append("They are kept as they are: look whether somebody mistyped them.")
    return Section("Out of the ordinary", lines, _tables(("what", "number"), rows))


def _number(number: float) -> str:
    return f"{number:,.2f}" if number < 100 else f"{number:,.0f}"


def _tables(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[Table]:
    return [Table(header, rows)] if rows else []


def _text(report: CheckReport) -> Section:
    if not report.catalogue.items:
        return Section("Texts")
    filled = [(name, _percent(share)) for name, share in report.catalogue.filled.items()]
    line = report.text.skipped or f"{str(report.text.coverage).capitalize()}."
    return Section("Texts", [line], [Table(("field", "products that have it"), filled)])


def _gain(report: CheckReport) -> Section:
    gain = report.gain
    title = "What Ilk would gain"
    if gain.skipped:
        return Section(title, [gain.skipped])
    line = (
        "Ilk and item-kNN (the usual counting of what goes together) learned from the older nine tenths of "
        f"the newest {gain.events:,} events and guessed the newest tenth, among {gain.items:,} products. The "
        "figures say in how many of 100 cases the right product was among the first ten shown (twenty for "
        "returning shoppers)."
    )
    header = ("task", "item-kNN", "Ilk", "cases", "Ilk is")
    rows = [_gain_row(row) for row in gain.rows]
    after = (
        "better, worse: the 95 % interval of the difference (of ranking quality, NDCG@10, or of recall) "
        "leaves out zero; even: it does not. Below 150 cases nothing is decided."
    )
    return Section(title, [line], [Table(header, rows)], [after])


def _gain_row(row: GainRow) -> tuple[str, ...]:
    task = TASKS.get(row.slice)
    if task is None:
        _, kind, warmth = row.slice.split("/")
        task = f"known links ({kind}), {'new' if warmth == 'cold' else 'known'} products"
    return (task, f"{100 * row.rival:.1f}", f"{100 * row.ilk:.1f}", f"{row.cases:,}", row.verdict)


def _percent(share: float) -> str:
    if 0 < share < 0.001:
        return "under 0.1 %"
    if 0.999 < share < 1:
        return "over 99.9 %"
    return f"{100 * share:.1f} %"
