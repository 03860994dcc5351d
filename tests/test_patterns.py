"""Patterns: what is refused and with which sentence, what is written out, and the limits."""

from __future__ import annotations

import time

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import re2
from pydantic import ValidationError
from sqlalchemy import create_engine, text

from monitoring_tasks.derived_section import Derived
from monitoring_tasks.pattern_language.parsing import parsed
from monitoring_tasks.pattern_language.tree import boundaries, choice, emptiness, places
from monitoring_tasks.pattern_language.weight import Limits, leads_to_few
from monitoring_tasks.patterns import MOST_BOUNDARIES, pattern_of
from monitoring_tasks.refusals import REFUSALS


def holds(pattern: str, held: str, *, ignore_case: bool = False) -> bool:
    """Whether a text holds a pattern, as google-re2 and pyarrow both say."""
    written = pattern_of([pattern], ignore_case=ignore_case).re2
    by_arrow = pc.match_substring_regex(pa.array([held], pa.string()), written)[0].as_py()
    assert by_arrow == (re2.compile(written).search(held) is not None)
    return bool(by_arrow)


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("", "every text holds the empty pattern: write what to look for, or ^$ for an empty text"),
        ("a" * 1001, "1001 characters, 1000 are allowed: write several patterns"),
        ("a\0b", "character 2: NUL is no character of a text: remove it"),
        ("a\ud800", "character 2: half a pair, U+D800 is no character of a text: remove it"),
        (r"\x00", "character 1: NUL is no character of a text"),
        (r"[\ud800]", "character 2: half a pair, U+D800 is no character of a text"),
        ("a)", r"character 2: ')' closes no group: write \) for a bracket of the text"),
        ("(a", r"character 1: '(' is never closed: write ), or \( for a bracket of the text"),
        ("[a", r"character 1: '[' is never closed: write ], or \[ for a bracket of the text"),
        ("[a-", r"character 1: '[' is never closed"),
        ("a||b", "character 3: nothing stands where a part should: write (a)? for 'a or nothing'"),
        ("()", "character 2: nothing stands where a part should"),
        ("(?:)", "character 4: nothing stands where a part should"),
        ("*a", r"character 1: * repeats nothing: write \* for the sign itself"),
        ("***=a", r"character 1: * repeats nothing: write \* for the sign itself"),
        ("(+)", r"character 2: + repeats nothing: write \+ for the sign itself"),
        ("{2}", "character 1: this repeats nothing: write what repeats before it"),
        ("{", r"character 1: '{' begins no repeat: write {3}, {3,} or {0,3}, or \{ for a bracket of the text"),
        ("a{,3}", "character 2: '{' begins no repeat"),
        ('{"error"', "character 1: '{' begins no repeat"),
        ("a}", r"character 2: '}' closes nothing: write \} for a bracket of the text"),
        ("a]", r"character 2: ']' closes nothing: write \] for a bracket of the text"),
        ("a{256}", "character 2: {256} asks for more than 255 repeats: ask for fewer, or use * or +"),
        ("a{1,999}", "character 2: {1,999} asks for more than 255 repeats"),
        ("a{0}", "character 2: {0} repeats nothing: remove it and what it repeats"),
        ("a{3,2}", "character 2: {3,2} asks for at least 3 and at most 2: swap them"),
        ("a*+", "character 3: a repeat follows a repeat: write (?:a+)* for a repeated repeat"),
        ("a??+", "character 4: a repeat follows a repeat"),
        ("^*a", "character 1: ^ is a place, which cannot repeat: remove what follows it"),
        (r"a\b+", r"character 2: \b is a place, which cannot repeat"),
        (
            "(?=a)",
            "character 1: (?= looks ahead: patterns find or do not, without looking around: write another pattern",
        ),
        ("a(?!b)", "character 2: (?! looks ahead"),
        ("(?<=a)b", "character 1: (?<= looks behind"),
        ("(?<!a)b", "character 1: (?<! looks behind"),
        (
            "(?P<name>a)",
            "character 1: (?P names a group: groups are ( ) or (?: ), nothing is captured: remove the name",
        ),
        ("(?<name>a)", "character 1: (?< names a group"),
        ("(?#why)a", "character 1: (?# begins a comment: remove it"),
        (
            "(?i)a",
            "character 1: (?i sets a flag: groups are ( ) or (?: ): remove it; `ignore_case` says how case counts",
        ),
        (r"(a)\1", r"character 4: \1 refers to a group, and nothing is captured: write the text out, or \x.."),
        (
            r"\p{L}",
            r"character 1: \p is unknown: allowed are \d \w \s \D \W \S \b \B \t \n \r \x.. \u...., and \ before",
        ),
        (r"\A", r"character 1: \A is unknown"),
        ("\\é", r"character 1: \é is unknown"),
        ("a\\", r"character 2: a \ ends the pattern: write \\ for the sign itself"),
        (r"\x4", r"character 1: \x needs 2 hexadecimal digits: write \x20"),
        (r"\u00g0", r"character 1: \u needs 4 hexadecimal digits: write \u0020"),
        ("[]", r"character 2: ']' in a class: write \] for the sign; classes by name are unknown"),
        ("[^]a]", r"character 3: ']' in a class"),
        ("[[:alpha:]]", r"character 2: '[' in a class: write \[ for the sign; classes by name are unknown"),
        ("[a-c-e]", r"character 5: '-' in the midst of a class: write \- for the sign itself"),
        ("[z-a]", "character 2: z-a is a range that runs backwards: swap its ends"),
        (r"[a-\d]", r"character 2: a-\d is a range from or to many characters: write \- for the sign itself"),
        (r"[\w-z]", r"character 2: \w-z is a range from or to many characters"),
        (r"[\b]", r"character 2: \b is a place, not a character: write it outside of [ ]"),
        (r"[^\s\S]", r"character 1: [^\s\S] holds no character: write a class that holds one"),
        ("(" * 51 + "a" + ")" * 51, "character 51: more than 50 groups within each other: write the pattern plainer"),
        ("a*", "every text holds it, for it is content with no character: write + for *, or ^...$ around"),
        ("^", "every text holds it"),
        ("a?$", "every text holds it"),
        ("(a|b*)", "every text holds it"),
        (r"\b", r"it is content with a boundary and no character: write what stands there, like \w for \b"),
        (r"x|\Ba*", "it is content with a boundary and no character"),
        (
            r"(\b\w*){3}x",
            r"3 boundaries may follow with no character between, 2 are allowed: remove \b or \B, or write +",
        ),
        ("((ab){40}c){40}", "repeats within repeats ask for 1600 copies, 1000 are allowed: ask for fewer repeats"),
    ],
)
def test_what_is_not_of_the_language_is_refused(pattern: str, sentence: str) -> None:
    """A pattern is refused with its number, the place, what stands there and what to write."""
    with pytest.raises(ValueError, match=r"^pattern 2, ") as refused:
        pattern_of(["sorry", pattern], ignore_case=True)
    assert f": {sentence}" in str(refused.value)


@pytest.mark.parametrize(
    ("patterns", "sentence"),
    [
        ([], "0 patterns: write 1 to 200"),
        (["a"] * 201, "201 patterns: write 1 to 200"),
        (["(abcdefghij){250}", "x"] * 5, "12505 characters and classes of 12505 ranges, 10000 and 30000 are allowed"),
        (["a[ab]{200}c", "b[ab]{200}c"], "have 404 characters and classes of 404 ranges, and can stand at too many of"),
        (["(a?b?c?d?e?f?g?h?i?j?){40}x"], "have 401 characters and classes of 401 ranges, and can stand at too many"),
        (
            [f"[{''.join(chr(0x4E00 + 2 * each) for each in range(900))}]{{30}}x"],
            "have 31 characters and classes of 27001",
        ),
        (["<refusals>", "a[ab]{250}c"], "and can stand at too many of them at once, which is slow above 300 and 900"),
    ],
)
def test_what_would_be_slow_is_refused(patterns: list[str], sentence: str) -> None:
    """Too many patterns, places, ranges or places at once are refused with their number and what is allowed."""
    with pytest.raises(ValueError, match=r"allowed|slow|write 1 to") as refused:
        pattern_of(patterns, ignore_case=False)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("pattern", "held", "other"),
    [
        (r"^\s*$", " \t\n\v", "a"),
        ("^$", "", "\n"),
        ("a$", "ba", "a\n"),
        ("^a", "ab", "\na"),
        (".", "\0", "\n"),
        ("a.c", "a\0c", "a\nc"),
        ("[^a]", "\n", "a"),
        (r"[\s\S]{3}", "a\n\0", "ab"),
        (r"\d", "7", "٣"),
        (r"\w", "_", "é"),
        (r"\s", "\v", "\u00a0"),
        (r"\W", "é", "a"),
        (r"\bcan\b", "écané", "canon"),
        (r"\Bon", "canon", "on"),
        ("a.*?b", "acb", "ac"),
        ("a{2,}?b", "aab", "ab"),
        (r"\xe9\u20ac", "é€", "é"),
        ("[a-]", "-", "b"),
        ("[-a]", "-", "b"),
        ("[a^]", "^", "b"),
        (r"[\]\[\\\-]", "]", "a"),
        ('it\'s "100%"', 'it\'s "100%"', "its"),
        (r"\{\s*\"a\"", '{ "a"', "a"),
        ("😀{2}", "😀😀", "😀"),
        ("(a|b)?c", "c", "a"),
    ],
)
def test_language(pattern: str, held: str, other: str) -> None:
    """Each part of the language finds what the table says, NUL in a text included."""
    assert holds(pattern, held)
    assert not holds(pattern, other)


@pytest.mark.parametrize(
    ("pattern", "held", "others"),
    [
        ("k", "kK", "\u212a"),
        ("\u212a", "\u212a", "kK"),
        ("s", "sS", "\u017f"),
        ("i", "iI", "\u0130\u0131"),
        ("\u0130", "\u0130", "iI\u0131"),
        ("\u0131", "\u0131", "iI\u0130"),
        ("ß", "ß", "sS"),
        ("ẞ", "ẞß", "sS"),
        ("é", "éÉ", "e"),
        ("[a-c]", "aAbBcC", "dD"),
        ("[^a-c]", "dD", "aAbBcC"),
        ("[à-é]", "àÀéÉ", "aAêÊ"),
        ("[\u0080-\uffff]", "é\u212a\u017f\u0131", "kKsSiIaA"),
        (r"\w", "aA", "\u212a\u017f"),
        (r"\W", "\u212a\u017f", "kKsS"),
    ],
)
def test_case_is_ignored_letter_by_letter(pattern: str, held: str, others: str) -> None:
    """Without regard to case a letter stands for its other case where that is one character, and never leaves ASCII."""
    assert [each for each in held if not holds(pattern, each, ignore_case=True)] == []
    assert [each for each in others if holds(pattern, each, ignore_case=True)] == []


def test_nothing_beside_the_language_is_written() -> None:
    """What is written has no flags, no captures, no laziness and no classes by name, for either engine."""
    pattern = pattern_of([r"(a|b)+?\w\d\s\b.^$"], ignore_case=True)
    assert pattern.re2 == r"(?:[Aa]|[Bb])+[0-9A-Z_a-z][0-9][" + "\t-\r ]" + r"\b[^" + "\n]" + r"\A\z"
    assert pattern.postgres == r"(?:[Aa]|[Bb])+[0-9A-Z_a-z][0-9][" + "\t-\r ]" + r"\y[^" + "\n]" + r"\A\Z"


def test_list_of_refusals_is_light() -> None:
    """The built-in list is of the language, tells something, and leads to few sets."""
    tree = choice([parsed(each, ignore_case=True) for each in REFUSALS])
    assert emptiness(tree) == frozenset()
    assert boundaries(tree) <= MOST_BOUNDARIES
    assert places(tree) < 4000
    assert leads_to_few(tree, Limits(sets=2 * places(tree)))


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*)*x", "a{1,150}b{1,150}c", "a[ab]{250}c"])
def test_worst_texts_are_answered(postgres_url: str, pattern: str) -> None:
    """A tenth of a megabyte that ruins engines which track back is answered by each engine in far under ten seconds."""
    written = pattern_of([pattern], ignore_case=False)
    held = "a" * 50_000 + "ab" * 25_000 + "!"
    started = time.monotonic()
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        asked = text('SELECT CAST(:held AS text) COLLATE "C" ~ :pattern')
        by_postgres = connection.execute(asked, {"held": held, "pattern": written.postgres}).scalar_one()
    engine.dispose()
    assert holds(pattern, held) == by_postgres
    assert time.monotonic() - started < 10


def test_monitor_says_which_pattern_is_wrong() -> None:
    """A derived column with a pattern that is not of the language is refused when it is read."""
    with pytest.raises(ValidationError, match=r"pattern 2, '\(\?i\)no': character 1: \(\?i sets a flag"):
        Derived(kind="matches", of=("response",), patterns=("<refusals>", "(?i)no"))
    assert Derived(kind="matches", of=("response",), patterns=("<refusals>", "policy forbids")).patterns


@pytest.mark.parametrize("misspelt", ["<refusal>", "<Refusals>", "< refusals >", "<refuse>"])
def test_a_list_of_another_name_is_no_text_to_look_for(misspelt: str) -> None:
    """It would be found in no answer, and refusals would count as none for ever."""
    with pytest.raises(ValueError, match=r"there is no such list: write <refusals>, or \\<"):
        pattern_of([misspelt], ignore_case=True)
    assert pattern_of([rf"\{misspelt}", "<think>"], ignore_case=True).re2
