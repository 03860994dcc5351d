"""Values of labels in Prometheus' text format: whatever a column is called, its line stays one line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from monitoring_tasks.metrics.families import Family
from monitoring_tasks.metrics.sheet import Sheet
from monitoring_tasks.metrics.text import LONGEST, label

FAMILY = Family("monitoring_x", "A figure.", ("monitor", "feature"))
HOSTILE = st.text(st.characters(codec=None), max_size=300) | st.sampled_from(
    [
        '"',
        "\\",
        "\n",
        "\\n",
        '"} 1\nfake{a="',
        "a\0b",
        "\ud800",
        "\udc00x",
        "x" * 10_000,
        "{}",
        "#",
        "\r\n",
        "\u2028",
        "",
    ]
)


def parsed(text: str) -> dict[tuple[str, ...], float]:
    """The lines of a family as another program reads them: values of labels, and the number."""
    families = list(text_string_to_metric_families(FAMILY.header + text))
    assert [family.name for family in families] == [FAMILY.name]
    return {tuple(sample.labels.values()): sample.value for sample in families[0].samples}


@given(st.lists(HOSTILE, unique=True, min_size=1, max_size=20))
def test_every_name_is_one_series(names: list[str]) -> None:
    """Different names stay different, and none of them breaks, forges or drops a line."""
    sheet = Sheet()
    for number, name in enumerate(names):
        sheet.put(FAMILY, number, "churn", name)
    found = parsed(sheet.text(FAMILY))
    assert sorted(found.values()) == list(range(len(names)))
    for _, shown in found:
        assert len(shown) <= LONGEST
        shown.encode()
        assert "\0" not in shown


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=LONGEST))
def test_an_ordinary_name_is_shown_as_it_is(name: str) -> None:
    """What can be written is written; only a name that looks like a cut one is marked as such."""
    sheet = Sheet()
    sheet.put(FAMILY, 1, "churn", name)
    ((_, shown),) = parsed(sheet.text(FAMILY))
    assert shown == name or "~" in name


def test_a_name_cannot_be_taken_for_a_cut_one() -> None:
    """A column that is called as another one is shown has a series of its own."""
    cut = label("x" * 200)
    assert label(cut) != cut
    assert len(label(cut)) <= LONGEST


def test_what_is_not_known_has_no_line() -> None:
    """None is no number, and no 0."""
    sheet = Sheet()
    sheet.put(FAMILY, None, "churn", "age")
    assert sheet.text(FAMILY) == ""
