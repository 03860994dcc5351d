"""An alert as a mail: plain text and HTML side by side, with its plots inside, in the thread of its incident."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from monitoring_tasks.alerts.channel import Delivery
from monitoring_tasks.alerts.html import to_html
from monitoring_tasks.alerts.message import Message, Plot, one_line, to_text

log = logging.getLogger(__name__)
DOMAIN = "monitoring-tasks"
_URGENT = {"critical": "1", "high": "2"}


def message_id(key: str) -> str:
    """The `Message-ID` of the letter with a key, the same at every try: mail servers and programs show it once.

    >>> message_id("drift-0a1b-1-opened")
    '<bfa039f7822e9a587f420c45bdba9b2a@monitoring-tasks>'
    """
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{DOMAIN}>"


def mail_of(delivery: Delivery, *, sender: str, to: Sequence[str]) -> EmailMessage:
    """The mail of a letter, without a picture where one cannot be drawn.

    A letter that continues a thread answers its first mail; one beneath it bears that mail's subject, by which mail
    programs keep a thread together. The address of the sender and the receivers must be free of control characters.
    """
    message, own = delivery.message, message_id(delivery.key)
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    mail["From"], mail["To"] = sender, ", ".join(to)
    mail["Subject"] = subject_of(delivery)
    mail["Date"], mail["Message-ID"] = format_datetime(datetime.now(UTC)), own
    for name, value in _marks(delivery).items():
        mail[name] = value
    pictures = {f"plot{number}@{own[1:9]}": _drawn(plot) for number, plot in enumerate(message.plots, start=1)}
    mail.set_content(_plain(message))
    mail.add_alternative(to_html(message, [f"cid:{name}" if png else "" for name, png in pictures.items()]), "html")
    _attach(mail, {name: png for name, png in pictures.items() if png})
    return mail


def subject_of(delivery: Delivery) -> str:
    """The title; for what is told beneath the first mail of an incident, "Re:" and the subject of that one."""
    first = delivery.thread.get("subject")
    return one_line(f"Re: {first}" if first and not delivery.loud else delivery.message.title)


def _marks(delivery: Delivery) -> dict[str, str]:
    first = delivery.thread.get("message_id")
    thread = {"In-Reply-To": first, "References": first} if first else {}
    urgent = _URGENT.get(delivery.message.severity.word) if delivery.loud else None
    return {
        **thread,
        **({"X-Priority": urgent} if urgent else {}),
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Monitoring-Key": one_line(delivery.key),
    }


def _plain(message: Message) -> str:
    pictures = [f"Picture: {plot.alt}" for plot in message.plots]
    return "\n".join([to_text(message), *pictures, ""])


def _attach(mail: EmailMessage, pictures: dict[str, bytes]) -> None:
    page = mail.get_body(("html",))
    for name, png in pictures.items():
        assert page is not None
        file = f"{name.partition('@')[0]}.png"
        page.add_related(png, "image", "png", cid=f"<{name}>", disposition="inline", filename=file)


def _drawn(plot: Plot) -> bytes:
    try:
        from monitoring_tasks.alerts.pictures import draw

        return draw(plot)
    except Exception:
        # An alert without its picture is better than none, whatever the picture met.
        log.warning("alert.picture_failed title=%s", one_line(plot.title), exc_info=True)
        return b""
