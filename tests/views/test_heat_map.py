"""The heat map: what its cells tell, what they must not tell, and in which order its rows stand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.checks import Status
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.scores import ColumnScore
from monitoring_tasks.store.board import Head
from monitoring_tasks.views.heat_map import MOST, HeatMap, Links, heat_map, names_of, slots_of
from monitoring_tasks.views.timeline import Timeline, strips_of
from monitoring_tasks.window import Window
from tests.views.made import NEW, OLD, axis, head, incident, promotion, score, window

LINKS = Links(lambda column: f"/column?{len(column)}", lambda head: f"/run/{head.digest}", lambda id: f"/incident/{id}")
Scores = Mapping[Window, Sequence[ColumnScore]]


def drawn(heads: Sequence[Head], scores: Scores, timeline: Timeline | None = None) -> HeatMap:
    """The map of verdicts and scores."""
    timeline = timeline or axis(heads)
    slots = slots_of(heads, timeline)
    return heat_map(slots, scores, names_of(slots, scores), timeline=timeline, links=LINKS)


def row(found: HeatMap, place: int = 0) -> list[tuple[str, str, str]]:
    """The cells of a row: class, title, sign."""
    return re.findall(r'<td class="([a-z]+)" title="([^"]*)">([^<]*)</td>', str(found.rows).split("</tr>")[place])


def order(heads: Sequence[Head], scores: Scores) -> list[str]:
    """The columns in the order of the map."""
    return [name.column for name in names_of(slots_of(heads, axis(heads)), scores)]


def test_a_cell_tells_its_score_without_its_colour() -> None:
    """Each status has a sign and a word; the title has score, threshold and window."""
    statuses = list(Status)
    heads = [head(day) for day in range(4)]
    scores = {window(day): [score("age", status)] for day, status in enumerate(statuses)}
    cells = row(drawn(heads, scores))
    assert [cell[0] for cell in cells] == [status.value for status in statuses]
    assert [cell[2] for cell in cells] == ["·", "!", "≠", "?"]
    assert cells[2][1] == "2013-06-05: psi 0.1 against 0.2, failed"


def test_a_pass_beyond_the_limit_says_that_it_is_usual() -> None:
    """Else `passed` beside a score above its threshold reads like a mistake; a p-value lies beyond below it."""
    beyond = score("age", value=0.3159)
    (told,) = row(drawn([head(0)], {window(0): [beyond]}))
    assert told[1] == "2013-06-03: psi 0.3159 against 0.2 (beyond the limit, ordinary for this column), passed"
    likely, unlikely, gone = (
        score("age", value=value, method=method)
        for value, method in ((0.3, "ks_p_value"), (0.1, "ks_p_value"), (0.3, "method_of_before"))
    )
    assert [each.ordinary for each in (beyond, likely, unlikely, gone)] == [True, False, True, False]
    assert not any(score("age", status, 0.3).ordinary for status in Status if status is not Status.PASSED)


@pytest.mark.parametrize("outcome", [Outcome.NO_DATA, Outcome.TOO_FEW_ROWS])
def test_what_could_not_be_judged_is_absent(outcome: Outcome) -> None:
    """Whatever was computed of such a window, its cells are no pass."""
    heads, scores = [head(0), head(1, outcome)], {window(day): [score("age")] for day in (0, 1)}
    cells = row(drawn(heads, scores))
    assert cells[1] == ("none", f"2013-06-04: {outcome.value.replace('_', ' ')}", "")
    assert "not judged" in str(drawn(heads, scores).rows)
    assert "now: psi" not in str(drawn(heads, scores).rows)


def test_a_window_without_a_verdict_is_absent() -> None:
    """A gap of the schedule has a column of its own, and so has one of a column that was not checked."""
    heads = [head(day) for day in (0, 1, 3)]
    both = [score("age"), score("city")]
    scores = {window(0): both, window(1): both, window(3): [score("age"), score("city", None)]}
    found = drawn(heads, scores)
    assert [cell[0] for cell in row(found, 0)] == ["passed", "passed", "none", "passed"]
    assert row(found, 0)[2][1] == "2013-06-05: no verdict"
    assert row(found, 1)[3] == ("none", "2013-06-06: not checked", "")
    assert found.windows == 4


def test_the_worst_column_comes_first() -> None:
    """The prediction, then what fails now, then what is suspect, then what failed most often."""
    heads = [head(0), head(1)]
    before = [score("often", Status.FAILED), *(score(name) for name in ("calm", "suspect", "now", "score"))]
    now = [
        score("calm", value=0.01),
        score("often"),
        score("suspect", Status.SUSPECT),
        score("now", Status.FAILED),
        score("score", role="prediction"),
    ]
    assert order(heads, {window(0): before, window(1): now}) == ["score", "now", "suspect", "often", "calm"]


def test_failures_of_windows_without_a_judgement_do_not_count() -> None:
    """Of a window with too few rows nothing is known."""
    heads = [head(0, Outcome.TOO_FEW_ROWS), head(1)]
    scores = {window(0): [score("age", Status.FAILED)], window(1): [score("age")]}
    (name,) = names_of(slots_of(heads, axis(heads)), scores)
    assert (name.failed, name.judged) == (0, 1)


def test_incidents_and_promotions_stand_in_the_heading() -> None:
    """Windows of an incident lead to it; where the champion changes is a mark; each verdict leads to its page."""
    heads = [head(day, champion=OLD if day < 3 else NEW) for day in range(5)]
    strips = strips_of([incident(1, 2), incident(2, 2, id="<i>")], "churn")
    heading = str(drawn(heads, {}, axis(heads, promotions=[promotion()], strips=strips)).heading)
    assert heading.count('class="strip high"') == 2
    assert 'href="/incident/drift-1"' in heading
    assert re.search(r'<td class="strip high"><a [^>]*title="[^"]*; [^"]*">2</a>', heading)
    assert heading.count("◆") == 1
    assert f"{NEW} champion from the window 2013-06-06 on" in heading
    assert heading.count('href="/run/') == 5
    assert "<i>" not in heading


def test_a_promotion_to_come_stands_behind_the_newest_window() -> None:
    """It is told beside the words on the newest window."""
    heads = [head(day) for day in range(3)]
    assert "◆ now v1.1.0" in str(drawn(heads, {}, axis(heads, promotions=[promotion()])).heading)


@given(st.text(min_size=1, max_size=20), st.text(max_size=10))
def test_nothing_from_outside_is_markup(column: str, method: str) -> None:
    """Names of columns and methods are text, and the table stays a table."""
    rows = str(drawn([head(0)], {window(0): [score(column, Status.FAILED, method=method)]}).rows)
    assert re.sub(r"&[a-z0-9#]+;", "", rows).count("<") == len(re.findall(r"</?(?:tr|th|td|a|small)\b[^<>]*>", rows))


def test_a_long_range_shows_its_newest_windows() -> None:
    """Hours of a quarter are more than a page can hold."""
    heads = [head(day) for day in range(MOST + 10)]
    slots = slots_of(heads, axis(heads))
    assert (len(slots), slots[-1].head) == (MOST, heads[-1])
    assert slots_of([], axis([])) == []
