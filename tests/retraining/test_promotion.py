"""Promotion and rollback on real git repositories: one act, once, and only on what the decision was about."""

from __future__ import annotations

import json
import multiprocessing
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks.errors import ConfigurationError, PromotionRefused, ReferenceInvalid, ReferenceUnavailable
from monitoring_tasks.retraining import promotion
from monitoring_tasks.retraining.history import history
from monitoring_tasks.retraining.promotion import promote, roll_back
from monitoring_tasks.retraining.registry import Champion, find_champion
from monitoring_tasks.retraining.repository import bare_clone
from tests.dvc_pipeline import FILES, ModelRepository
from tests.git_repository import commit, run, start, tag

NOW = datetime(2013, 8, 2, 10, tzinfo=UTC)
DECISION = {"run": "r1", "by": "jane", "reason": "it ranks better", "verdict": "3f2a9c1b"}
ROUNDS = 8


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A git work tree with a bare origin beside it, whose model toy has a champion."""
    work = start(tmp_path)
    commit(work, "toy@v1.0.0", "toy#champion#1")
    return work


def origin(work: Path) -> str:
    """The bare origin of a work tree."""
    return str(work.parent / "origin.git")


def refs(repository: str) -> dict[str, str]:
    """Every tag of a repository and the commit under it."""
    names = run("git", "for-each-ref", "--format=%(refname:strip=2)", "refs/tags", cwd=Path(repository)).split()
    return {name: run("git", "rev-parse", f"refs/tags/{name}^{{commit}}", cwd=Path(repository)) for name in names}


def message(repository: str, name: str) -> dict[str, Any]:
    """The JSON of a tag's message."""
    text = run("git", "for-each-ref", "--format=%(contents)", f"refs/tags/{name}", cwd=Path(repository))
    return dict(json.loads(text))


def branch(work: Path, name: str) -> str:
    """A new commit on a branch of its own, as a training publishes it."""
    run("git", "checkout", "--quiet", "-B", name, cwd=work)
    run("git", "commit", "--quiet", "--allow-empty", "-m", name, cwd=work)
    run("git", "push", "--quiet", "origin", name, cwd=work)
    return run("git", "rev-parse", "HEAD", cwd=work)


def put(repository: str, challenger: str, expected: Champion, **more: Any) -> Champion:
    """Promote, with a decision of its own for each run."""
    decision = DECISION | {"run": more.pop("run", "r1")}
    arguments = {"decision": decision, "moment": NOW} | more
    return promote(repository, "toy", challenger=challenger, expected=expected, **arguments)


def hook(repository: str, name: str, script: str) -> Path:
    """Install a hook in a bare repository."""
    file = Path(repository) / "hooks" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def test_promotion_writes_both_tags_with_the_decision(work: Path) -> None:
    """The challenger becomes champion #2 and version 1.1.0, and its tags say who decided what about which champion."""
    repository, first = origin(work), find_champion(origin(work), "toy")
    challenger = branch(work, "retrain/r1")
    made = put(repository, challenger, first)
    assert made == find_champion(repository, "toy") == Champion("toy", 2, challenger, "toy@v1.1.0")
    told = {"action": "promotion", "previous": {"number": 1, "revision": first.revision, "version": first.version}}
    assert message(repository, "toy#champion#2") == message(repository, "toy@v1.1.0") == DECISION | told


def test_tags_carry_an_identity_of_their_own(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without GIT_* the tagger is monitoring, even where git knows nobody; with them it is who they name."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    repository, first = origin(work), find_champion(origin(work), "toy")
    second = put(repository, branch(work, "a"), first)
    monkeypatch.setenv("GIT_COMMITTER_NAME", "release bot")
    put(repository, branch(work, "b"), second, run="r2")
    form = "--format=%(taggername) %(taggeremail)"
    taggers = run("git", "for-each-ref", form, "refs/tags/toy#champion#*", cwd=Path(repository)).splitlines()
    assert taggers[1:] == ["monitoring <monitoring@localhost>", "release bot <monitoring@localhost>"]


def test_a_commit_that_has_a_version_keeps_it(work: Path) -> None:
    """GTO knows one version per commit."""
    repository, first = origin(work), find_champion(origin(work), "toy")
    challenger = branch(work, "a")
    tag(work, challenger, "toy@v3.0.0")
    assert put(repository, challenger, first) == Champion("toy", 2, challenger, "toy@v3.0.0")
    assert sorted(refs(repository)) == ["toy#champion#1", "toy#champion#2", "toy@v1.0.0", "toy@v3.0.0"]


def test_the_same_run_promotes_once(work: Path) -> None:
    """A repeated call returns the champion and writes nothing, though the champion is no longer the expected one."""
    repository, first = origin(work), find_champion(origin(work), "toy")
    challenger = branch(work, "a")
    made = put(repository, challenger, first)
    before = refs(repository)
    assert put(repository, challenger, first, moment=NOW + timedelta(days=1)) == made
    assert refs(repository) == before


def test_a_run_that_was_replaced_promotes_no_more(work: Path) -> None:
    """The retry of a run whose champion has been rolled back does not bring it in again."""
    repository, first = origin(work), find_champion(origin(work), "toy")
    challenger = branch(work, "a")
    put(repository, challenger, first)
    back = roll_back(repository, "toy", to=None, decision={"run": "undo"}, files=[], moment=NOW)
    with pytest.raises(PromotionRefused, match=r"run r1 made v1\.1\.0-.* champion #2 of toy before, and v1\.0\.0-.*#3"):
        put(repository, challenger, back)
    with pytest.raises(PromotionRefused, match="one commit in place, once"):
        put(repository, branch(work, "b"), back, run="undo")


@pytest.mark.parametrize("moved", ["number", "revision"])
def test_another_champion_than_the_expected_one(work: Path, moved: str) -> None:
    """A decision about another champion, by number or by commit, is void and leaves nothing behind."""
    repository, first = origin(work), find_champion(origin(work), "toy")
    challenger = branch(work, "a")
    changed = {"number": 2} if moved == "number" else {"revision": challenger}
    expected = Champion(**{**vars(first), **changed})
    before = refs(repository)
    with pytest.raises(PromotionRefused, match=r"champion of toy is v1\.0\.0-.*decide anew"):
        put(repository, challenger, expected)
    assert refs(repository) == before


@pytest.mark.parametrize("challenger", ["main", "-x", "3f2a9c1b", "HEAD", ""])
def test_a_challenger_is_a_whole_commit(work: Path, challenger: str) -> None:
    """What could name another commit tomorrow is not what was decided on."""
    with pytest.raises(PromotionRefused, match="not a whole commit id"):
        put(origin(work), challenger, find_champion(origin(work), "toy"))


def test_a_challenger_that_is_gone_or_in_place(work: Path) -> None:
    """A commit on no branch, and the champion itself, cannot be put in place."""
    repository, first = origin(work), find_champion(origin(work), "toy")
    with pytest.raises(PromotionRefused, match=r"has no commit 0123.*train the challenger again"):
        put(repository, "0123" * 10, first)
    with pytest.raises(PromotionRefused, match="is champion of toy already"):
        put(repository, first.revision, first)


def test_a_rival_between_reading_and_writing(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The push that comes second is refused whole: its version is not there, though nobody else took its name."""
    repository, first = origin(work), find_champion(origin(work), "toy")
    ours, theirs = branch(work, "ours"), branch(work, "theirs")
    tag(work, theirs, "toy@v1.1.0")
    push = promotion._push

    def late(*arguments: Any) -> None:
        monkeypatch.setattr(promotion, "_push", push)
        put(repository, theirs, first, run="rival")
        push(*arguments)

    monkeypatch.setattr(promotion, "_push", late)
    with pytest.raises(PromotionRefused, match=r"became champion #2 of toy meanwhile.*none of this run's tags"):
        put(repository, ours, first)
    found = refs(repository)
    assert ours not in found.values()
    assert found["toy#champion#2"] == found["toy@v1.1.0"] == theirs
    assert len(found) == 4


def test_a_version_registered_between_reading_and_writing(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's version tag of the same name is worth another try, which takes the next number."""
    repository, first = origin(work), find_champion(origin(work), "toy")
    ours, theirs = branch(work, "ours"), branch(work, "theirs")
    push = promotion._push

    def late(*arguments: Any) -> None:
        tag(work, theirs, "toy@v1.1.0")
        push(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(promotion, "_push", late)
        with pytest.raises(ReferenceUnavailable, match="try again"):
            put(repository, ours, first)
    assert "toy#champion#2" not in refs(repository)
    assert put(repository, ours, first) == Champion("toy", 2, ours, "toy@v1.2.0")


def test_promoters_race(work: Path) -> None:
    """Of two processes that promote at the same moment exactly one does, round after round."""
    repository = origin(work)
    pairs = [(branch(work, f"a{turn}"), branch(work, f"b{turn}")) for turn in range(ROUNDS)]
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(2), context.Queue()
    racers = [
        context.Process(target=race, args=(repository, [pair[side] for pair in pairs], side, barrier, queue))
        for side in (0, 1)
    ]
    for racer in racers:
        racer.start()
    ended = dict(queue.get(timeout=120) for _ in racers)
    for racer in racers:
        racer.join()
    queue.close()
    won = [[ended[side][turn] for side in (0, 1)] for turn in range(ROUNDS)]
    assert all(sorted(outcome) == ["PromotionRefused", "promoted"] for outcome in won), won
    winners = [pair[outcome.index("promoted")] for pair, outcome in zip(pairs, won, strict=True)]
    found = refs(repository)
    assert [found[f"toy#champion#{turn + 2}"] for turn in range(ROUNDS)] == winners
    assert [found[f"toy@v1.{turn + 1}.0"] for turn in range(ROUNDS)] == winners
    assert len(found) == 2 + 2 * ROUNDS


def race(repository: str, challengers: list[str], side: int, barrier: Barrier, queue: Any) -> None:
    """Promote one challenger after another at the moment the other process does; tell how each went."""
    outcomes = []
    for challenger in challengers:
        expected = find_champion(repository, "toy")
        barrier.wait(60)
        try:
            put(repository, challenger, expected, run=f"{side}-{challenger}")
            outcomes.append("promoted")
        except Exception as error:
            outcomes.append(type(error).__name__)
        barrier.wait(60)
    queue.put((side, outcomes))


def test_rules_of_the_server(work: Path) -> None:
    """A refusal by origin's own rules shows its words, made plain, and what to do; no tag is there."""
    repository, first = origin(work), find_champion(origin(work), "toy")
    challenger = branch(work, "a")
    refusing = hook(repository, "pre-receive", "printf 'no champions\\033[2J on Fridays\\n' >&2; exit 1")
    with pytest.raises(PromotionRefused, match=r"refuses the tags of toy#champion#2: .*no champions") as caught:
        put(repository, challenger, first)
    assert "let this machine's account create tags" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(refs(repository)) == 2
    refusing.unlink()
    assert put(repository, challenger, first).number == 2


def test_an_origin_that_is_gone(work: Path) -> None:
    """Before anything is done the origin's silence is worth another try."""
    repository, first = origin(work), find_champion(origin(work), "toy")
    challenger = branch(work, "a")
    away = shutil.move(repository, f"{repository}.away")
    with pytest.raises(ReferenceUnavailable, match=r"origin\.git could not be read"):
        put(repository, challenger, first)
    shutil.move(away, repository)
    assert put(repository, challenger, first).number == 2


KILL = 'if [ "$1" = committed ]; then {also} kill -9 $PPID; fi'


def test_an_answer_that_is_lost(work: Path) -> None:
    """The origin dies once it has the tags: they are found there, and the promotion is told as done."""
    repository, first = origin(work), find_champion(origin(work), "toy")
    challenger = branch(work, "a")
    hook(repository, "reference-transaction", KILL.format(also=""))
    assert put(repository, challenger, first) == find_champion(repository, "toy")
    assert find_champion(repository, "toy").revision == challenger


def test_an_origin_that_is_gone_once_it_has_the_tags(work: Path) -> None:
    """Nobody can say how the push ended; the retry finds its own tag by the run and writes no other."""
    repository, first = origin(work), find_champion(origin(work), "toy")
    challenger = branch(work, "a")
    hook(repository, "reference-transaction", KILL.format(also=f"mv {repository} {repository}.away;"))
    with pytest.raises(ReferenceUnavailable):
        put(repository, challenger, first)
    shutil.move(f"{repository}.away", repository)
    assert put(repository, challenger, first) == Champion("toy", 2, challenger, "toy@v1.1.0")
    assert len(refs(repository)) == 4


def test_an_origin_that_dies_before_it_has_the_tags(work: Path) -> None:
    """A push that was cut off is worth another try, and left nothing."""
    repository, first = origin(work), find_champion(origin(work), "toy")
    challenger = branch(work, "a")
    dying = hook(repository, "pre-receive", "kill -9 $PPID")
    with pytest.raises(ReferenceUnavailable, match="could not be pushed"):
        put(repository, challenger, first)
    assert len(refs(repository)) == 2
    dying.unlink()
    assert put(repository, challenger, first).number == 2


def test_nothing_is_left_on_this_machine(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy with its tags is gone afterwards, however the promotion ended; a disk without room is told."""
    repository, first = origin(work), find_champion(origin(work), "toy")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    put(repository, branch(work, "a"), first)
    with pytest.raises(PromotionRefused):
        put(repository, branch(work, "b"), first, run="r2")
    assert not list(scratch.iterdir())
    monkeypatch.setattr("tempfile.tempdir", str(scratch / "absent"))
    with pytest.raises(ReferenceUnavailable, match="fits on this disk"):
        put(repository, branch(work, "b"), first, run="r2")


def test_a_server_that_keeps_the_files_back(work: Path) -> None:
    """A copy without files, as large servers allow it, is enough to promote, to roll back and to look."""
    for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        run("git", "config", setting, "true", cwd=Path(origin(work)))
    (work / "large").write_text("kept on the server")
    commit(work)
    repository, first = origin(work), find_champion(origin(work), "toy")
    challenger = branch(work, "a")
    with bare_clone(repository) as clone:
        objects = run("git", "rev-list", "--objects", "--all", "--missing=print", cwd=clone)
    assert put(repository, challenger, first).revision == challenger
    assert roll_back(repository, "toy", to=None, decision={"run": "x"}, files=[], moment=NOW).revision == first.revision
    assert "?" in objects


def test_a_number_that_none_follows(work: Path) -> None:
    """A tag by hand may bear the highest number that is read: one above it would never become champion."""
    tag(work, "HEAD", "toy#champion#999999999")
    challenger, before = branch(work, "retrain/r1"), refs(origin(work))
    with pytest.raises(PromotionRefused, match="no number follows toy#champion#999999999"):
        put(origin(work), challenger, find_champion(origin(work), "toy"))
    assert refs(origin(work)) == before


def test_dates_of_tags_rise_whatever_the_clock_says(work: Path) -> None:
    """Each assignment is dated after all before it, so that GTO, which goes by dates, names the same champion."""
    repository, champion = origin(work), find_champion(origin(work), "toy")
    for number, moment in enumerate([NOW + timedelta(days=9000), NOW, NOW, NOW]):
        champion = put(repository, branch(work, f"b{number}"), champion, run=f"r{number}", moment=moment)
    champion = roll_back(repository, "toy", to="v1.2.0", decision={"run": "x"}, files=[], moment=NOW)
    moments = [made.moment for made in history(repository, "toy")][:-1]
    assert moments == [NOW + timedelta(days=9000, seconds=later) for later in (4, 3, 2, 1, 0)]
    [shown] = json.loads(gto(work, "show", "toy#champion", "--json"))
    assert (shown["version"], shown["commit_hexsha"]) == ("v1.2.0", champion.revision)


def gto(work: Path, *arguments: str) -> str:
    """Output of GTO on the tags as they are on origin."""
    pytest.importorskip("gto")
    run("git", "fetch", "--quiet", "--tags", cwd=work)
    return run(str(Path(sys.executable).with_name("gto")), *arguments, cwd=work)


def test_no_champion_to_replace(tmp_path: Path) -> None:
    """A repository without a champion says how to make the first."""
    work = start(tmp_path)
    first = Champion("toy", 1, commit(work))
    with pytest.raises(ReferenceInvalid, match="git tag -a 'toy#champion#1'"):
        put(origin(work), branch(work, "a"), first)
    with pytest.raises(ReferenceInvalid, match="git tag -a 'toy#champion#1'"):
        roll_back(origin(work), "toy", to=None, decision={"run": "x"}, files=[], moment=NOW)


@pytest.fixture
def versions(work: Path) -> dict[str, str]:
    """Commits of the versions v1.0.0 to v1.2.0 of toy, the newest in use, and of #4, which has no version."""
    for name in ("1.1.0", "1.2.0"):
        commit(work, f"toy@v{name}", f"toy#champion#{int(name[2]) + 1}")
    bare = commit(work, "toy#champion#4")
    tag(work, "toy@v1.2.0", "toy#champion#5")
    return {name.removeprefix("toy@"): found for name, found in refs(origin(work)).items() if "@" in name} | {
        "#4": bare
    }


NAMES: dict[str, tuple[Callable[[dict[str, str]], str | None], str]] = {
    "version": (lambda _: "v1.0.0", "v1.0.0"),
    "version without v": (lambda _: "1.1.0", "v1.1.0"),
    "whole name": (lambda found: f"v1.0.0-{found['v1.0.0'][:8]}", "v1.0.0"),
    "commit": (lambda found: found["v1.1.0"], "v1.1.0"),
    "short commit": (lambda found: found["v1.0.0"][:7], "v1.0.0"),
    "name without version": (lambda found: f"champion4-{found['#4'][:8]}", "#4"),
    "the one before": (lambda _: None, "#4"),
}


@pytest.mark.parametrize("name", NAMES)
def test_versions_to_go_back_to(work: Path, versions: dict[str, str], name: str) -> None:
    """An earlier champion is named by version, whole name or commit; unnamed it is the one before."""
    named, expected = NAMES[name]
    made = roll_back(origin(work), "toy", to=named(versions), decision=DECISION, files=[], moment=NOW)
    assert (made.number, made.revision) == (6, versions[expected])
    assert find_champion(origin(work), "toy") == made
    told = message(origin(work), "toy#champion#6")
    assert (told["action"], told["previous"]["number"], told["by"]) == ("rollback", 5, "jane")


def test_rollback_writes_a_version_only_where_there_is_none(work: Path, versions: dict[str, str]) -> None:
    """An old commit keeps its version; one that never had any gets the next."""
    roll_back(origin(work), "toy", to="v1.0.0", decision={"run": "a"}, files=[], moment=NOW)
    made = roll_back(origin(work), "toy", to=versions["#4"], decision={"run": "b"}, files=[], moment=NOW)
    assert made.tag == "toy@v1.3.0"
    assert len(refs(origin(work))) == 3 + 5 + 3


@pytest.mark.parametrize("to", ["v9.0.0", "", "-x", "v1.0.0; touch PWNED", "3f2a9c", "toy@v1.0.0", "main"])
def test_versions_that_are_none(work: Path, versions: dict[str, str], to: str) -> None:
    """What never was champion is refused with the names of those that were, the newest first."""
    known = rf"name one of v1\.2\.0-{versions['v1.2.0'][:8]}, champion4-.*, v1\.1\.0-.*, v1\.0\.0-"
    with pytest.raises(ConfigurationError, match=known):
        roll_back(origin(work), "toy", to=to, decision=DECISION, files=[], moment=NOW)


def test_a_registered_version_that_never_was_champion(work: Path, versions: dict[str, str]) -> None:
    """Rollback is no way round the gate: a version that was only registered is not put in place."""
    commit(work, "toy@v2.0.0")
    with pytest.raises(ConfigurationError, match=r"'v2\.0\.0' names no champion of toy"):
        roll_back(origin(work), "toy", to="v2.0.0", decision=DECISION, files=[], moment=NOW)


def test_rollback_to_what_is_in_use(work: Path, versions: dict[str, str]) -> None:
    """There is nothing to do, and it is said."""
    with pytest.raises(PromotionRefused, match=r"v1\.2\.0-.* is champion of toy already: nothing was done"):
        roll_back(origin(work), "toy", to="v1.2.0", decision=DECISION, files=[], moment=NOW)


def test_rollback_of_the_only_champion(work: Path) -> None:
    """A first champion has none before it."""
    with pytest.raises(PromotionRefused, match="one champion only"):
        roll_back(origin(work), "toy", to=None, decision=DECISION, files=[], moment=NOW)


def test_rollback_is_done_once(work: Path, versions: dict[str, str]) -> None:
    """The same run called again finds its own tag; it does not go back one further."""
    made = roll_back(origin(work), "toy", to=None, decision=DECISION, files=[], moment=NOW)
    before = refs(origin(work))
    assert roll_back(origin(work), "toy", to=None, decision=DECISION, files=[], moment=NOW) == made
    assert refs(origin(work)) == before


def test_rollback_of_another_champion_than_was_shown(work: Path, versions: dict[str, str]) -> None:
    """Who decided about champion #4 does not roll back #5."""
    decision = DECISION | {"previous": {"number": 4, "revision": versions["#4"]}}
    with pytest.raises(PromotionRefused, match=r"champion of toy is v1\.2\.0-.* \(#5\), and the decision was about"):
        roll_back(origin(work), "toy", to="v1.0.0", decision=decision, files=[], moment=NOW)


@pytest.fixture
def retrained(churn: ModelRepository) -> tuple[ModelRepository, Champion]:
    """The churn model after a promotion: champion #2 is a commit whose reference is another."""
    challenger = churn.edit("importances.json", "{}")
    first = find_champion(churn.origin, "churn")
    made = promote(churn.origin, "churn", challenger=challenger, expected=first, decision=DECISION, moment=NOW)
    return churn, made


def test_rollback_fetches_the_old_files_first(retrained: tuple[ModelRepository, Champion]) -> None:
    """With all files at hand the first champion is champion again, under its old name."""
    churn, promoted = retrained
    made = roll_back(churn.origin, "churn", to=None, decision={"run": "undo"}, files=FILES, moment=NOW)
    assert (made.number, made.revision) == (3, churn.champion)
    assert made.version == f"v1.0.0-{churn.champion[:8]}"
    assert promoted.number == 2


@contextmanager
def spoilt(churn: ModelRepository, path: str, how: str) -> Iterator[None]:
    """The remote's object of the first champion's file is gone, or holds something else, for a while."""
    lock = churn.git("show", f"{churn.champion}:dvc.lock")
    [md5] = set(re.findall(rf"- path: {re.escape(path)}\n +hash: md5\n +md5: ([0-9a-f]{{32}})", lock))
    stored = churn.remote / "files" / "md5" / md5[:2] / md5[2:]
    content = stored.read_bytes()
    stored.unlink()
    if how == "changed":
        stored.write_bytes(b"x" + content[1:])
        stored.chmod(0o444)  # DVC trusts write-protected objects
    try:
        yield
    finally:
        stored.unlink(missing_ok=True)
        stored.write_bytes(content)


@pytest.mark.parametrize(
    ("how", "kind"), [("gone", ReferenceUnavailable), ("changed", PromotionRefused), ("never", PromotionRefused)]
)
def test_rollback_to_files_that_are_gone(
    retrained: tuple[ModelRepository, Champion], how: str, kind: type[Exception]
) -> None:
    """An object that is missing or spoilt, and a file that never was there, are named, and nothing moves."""
    churn, promoted = retrained
    path = "scores.json" if how == "never" else "model.json"
    break_it = nullcontext() if how == "never" else spoilt(churn, path, how)
    before = refs(churn.origin)
    with break_it, pytest.raises(kind, match=rf"{path} of v1\.0\.0-.*so nothing was rolled back"):
        roll_back(churn.origin, "churn", to=None, decision={"run": "undo"}, files=[path], moment=NOW)
    assert refs(churn.origin) == before
    assert find_champion(churn.origin, "churn") == promoted
