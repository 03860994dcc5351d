"""The outbox as whoever delivers sees it: whose turn it is, what became of it, and what goes into a digest."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitoring_tasks.store import letters
from monitoring_tasks.store.engine import Database
from monitoring_tasks.store.records import Letter, LetterState


class Outbox(Database):
    """Letters that wait, are under way, or were told; each method is one transaction."""

    def letters(self, *, incident: str | None = None, state: LetterState | None = None) -> list[Letter]:
        """Letters about an incident, in a state, or all, in the order in which they were written."""
        return [letters.letter(row) for row in self._read(letters.select_letters(incident, state))]

    def letter(self, key: str, channel: str) -> Letter | None:
        """The letter with a key to a channel; None when there is none."""
        rows = self._read(letters.select_one(key, channel))
        return letters.letter(rows[0]) if rows else None

    def overdue(self, now: datetime) -> list[Letter]:
        """Letters that are due and not delivered, those for a digest left aside; in the order of their turn."""
        return [letters.letter(row) for row in self._read(letters.select_overdue(now))]

    def waiting(self) -> int:
        """How many letters wait, be they due or not."""
        count: int = self._read(letters.count_waiting())[0][0]
        return count

    def claim_letter(
        self, *, by: str, now: datetime, lapse: timedelta, skip: Collection[str] = ()
    ) -> tuple[Letter, bool] | None:
        """Claim the next letter that is due, to a channel that is not in `skip`; None when there is none.

        It is `sending` then, and no other claimant gets it. True beside it says that it was so before: its sender
        claimed it longer than `lapse` ago, or bears the same name (`by`), and was ended before it could say what became
        of it; those come last, lest one that ends its senders keep others from being sent. A letter about an incident
        waits until those before it to the same channel are told or given up.
        """
        with self._writing() as connection:
            row = connection.execute(letters.select_claimable(by, now, lapse, skip)).one_or_none()
            if row is None:
                return None
            found = letters.letter(row)
            mine = replace(found, state="sending", claimed_at=now, claimed_by=by)
            connection.execute(letters.claim(mine))
            return mine, found.state == "sending"

    def settle_letter(self, letter: Letter) -> bool:
        """Say what became of a claimed letter; False, and nothing is written, when another has claimed it since."""
        with self._writing() as connection:
            return bool(connection.execute(letters.settle(letter)).rowcount)

    def postpone(self, channel: str, *, until: datetime) -> int:
        """Let nothing that waits for a channel be tried before a moment: it asked for it. How many letters that are."""
        with self._writing() as connection:
            return connection.execute(letters.postpone(channel, until)).rowcount

    def thread(self, incident: str, channel: str) -> Mapping[str, str]:
        """The ids that a channel gave the first letter of an incident; empty while it has none."""
        rows = self._read(letters.select_thread(incident, channel))
        return dict(json.loads(rows[0].external)) if rows else {}

    def digest_channels(self, now: datetime) -> list[str]:
        """Addresses of the channels for which a digest is due."""
        return [row.channel for row in self._read(letters.select_digest_channels(now))]

    def due_digest(self, channel: str, now: datetime) -> list[Letter]:
        """The letters that a channel's digest tells, once it is due; of very many the first ones."""
        return [letters.letter(row) for row in self._read(letters.select_due_digest(channel, now))]

    def bundle(self, digest: Letter, bundled: Sequence[Letter]) -> bool:
        """Post a digest in place of the letters it tells, which are `bundled` from then on.

        False, and nothing is written, when one of them waits no more (another has bundled it), or a letter with the
        digest's key is there.
        """
        with self._writing() as connection:
            free = connection.execute(letters.select_unbundled(bundled)).all()
            if len(free) < len(bundled) or not letters.post(connection, digest):
                return False
            connection.execute(letters.bundled(bundled, digest))
            return True

    def revive_letter(self, key: str, channel: str, *, now: datetime | None = None) -> bool:
        """Let a dead letter wait again, due at once; whether there was one."""
        with self._writing() as connection:
            return bool(connection.execute(letters.revive(key, channel, now or datetime.now(UTC))).rowcount)

    def purge_letters(self, before: datetime) -> int:
        """Delete letters that were written before a moment and told; return how many.

        Those of open incidents stay, for later ones belong into their threads; so do dead letters.
        """
        with self._writing() as connection:
            return connection.execute(letters.purge(before)).rowcount
