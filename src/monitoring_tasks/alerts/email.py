"""The e-mail channel: mails through an SMTP server, by the fields of Airflow's smtp connection."""

from __future__ import annotations

import logging
import re
import smtplib
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formataddr
from typing import TYPE_CHECKING, Literal, TypeAlias

from monitoring_tasks.alerts.channel import TIMEOUT, Delivery
from monitoring_tasks.alerts.mail import mail_of
from monitoring_tasks.alerts.message import one_line
from monitoring_tasks.alerts.posting import ended_after, seconds_of
from monitoring_tasks.errors import AlertRefused, AlertUndelivered, ConfigurationError

if TYPE_CHECKING:
    from email.message import EmailMessage

    from monitoring_tasks.data.connections import Account

log = logging.getLogger(__name__)
Security = Literal["ssl", "starttls", "none"]
_PORTS: Mapping[Security, int] = {"ssl": 465, "starttls": 587, "none": 25}
_ADDRESS = re.compile(r"[^\s@,;:<>\"()\[\]\\\x00-\x1f]+@[^\s@,;:<>\"()\[\]\\\x00-\x1f]+")
_ENHANCED = re.compile(rb"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
Answers: TypeAlias = Mapping[str, tuple[int, bytes]]


@dataclass(frozen=True)
class MailServer:
    """An SMTP server and how it is spoken to; certificates are verified unless the connection says otherwise."""

    host: str
    port: int
    sender: str
    security: Security = "ssl"
    verified: bool = True
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = TIMEOUT

    @property
    def place(self) -> str:
        """What errors call it."""
        return f"mail server {self.host}:{self.port}"


def open_email(account: Account, target: str) -> EmailChannel:
    """The channel of a connection of Airflow's type smtp, to the addresses that `target` joins by commas.

    Of the extra it reads `from_email` (the login, where that is an address, without), `disable_ssl`, `disable_tls`,
    `ssl_context` and `timeout`. With SSL from the start there is no STARTTLS in it.
    """
    to = tuple(target.split(","))
    for address in to:
        _require_address(address, "`to` of the channel")
    return EmailChannel(_server(account), to)


class EmailChannel:
    """Sends each letter as one mail; the mails of an incident are one thread."""

    def __init__(self, server: MailServer, to: Sequence[str]) -> None:
        self._server = server
        self._to = tuple(to)

    def send(self, delivery: Delivery) -> Mapping[str, str]:
        """Send the mail; return its `message_id` and `subject`.

        An address that the server refuses for good costs the others nothing: it is logged. One that is refused for now
        is tried again alone: `external` of the error holds who was reached.
        """
        mail = mail_of(delivery, sender=self._server.sender, to=self._to)
        reached = {*filter(None, delivery.external.get("reached", "").split(","))}
        left = [address for address in self._to if address not in reached]
        refused = self._delivered(mail, left) if left else {}
        self._settle(refused, {*self._to} - {*refused}, delivery)
        return {"message_id": str(mail["Message-ID"]), "subject": str(mail["Subject"])}

    def _delivered(self, mail: EmailMessage, to: Sequence[str]) -> Answers:
        """Who was refused, and how."""
        try:
            with _session(self._server) as session:
                return session.send_message(mail, self._server.sender, to)
        except smtplib.SMTPRecipientsRefused as error:
            # A server that leaves in the middle is reported with those that it had refused by then; none was reached.
            return {address: error.recipients.get(address, _GONE) for address in to}
        except smtplib.SMTPResponseException as error:
            raise self._answered(error) from None
        except smtplib.SMTPNotSupportedError as error:
            raise self._undelivered(f"lacks something ({error}): {_LACKING}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise self._undelivered(f"does not answer ({type(error).__name__}): {_advice(error)}") from None

    def _answered(self, error: smtplib.SMTPResponseException) -> AlertUndelivered | AlertRefused:
        """What to raise about an answer; its text is not told, as it may hold what was sent."""
        code = _code(error.smtp_code, error.smtp_error)
        if isinstance(error, smtplib.SMTPAuthenticationError):
            return self._undelivered(f"refuses login and password ({code}): renew them in the connection")
        if isinstance(error, smtplib.SMTPSenderRefused):
            return self._undelivered(f"refuses the sender ({code}): correct from_email in the connection's extra")
        if isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= _FOR_GOOD:
            return AlertRefused(f"{self._server.place} refuses the mail ({code}): ask its administrator why")
        if error.smtp_code < 0:
            return self._undelivered(f"speaks no SMTP there: {_TLS}")
        return self._undelivered(f"did not take the mail ({code}): a later try sends it")

    def _undelivered(self, what: str) -> AlertUndelivered:
        return AlertUndelivered(f"{self._server.place} {what}")

    def _settle(self, refused: Answers, reached: Collection[str], delivery: Delivery) -> None:
        told = ", ".join(f"{address} ({_code(*answer)})" for address, answer in refused.items())
        if any(code < _FOR_GOOD for code, _ in refused.values()):
            external = {"reached": ",".join(sorted(reached))} if reached else {}
            raise AlertUndelivered(f"{self._server.place} does not take mail for {told} for now", external)
        if refused and not reached:
            raise AlertRefused(f"{self._server.place} refuses {told}: correct `to` of the channel")
        if refused:
            log.warning("email.addresses_refused key=%s server=%s to=%s", delivery.key, self._server.place, told)


_READY, _FOR_GOOD = 220, 500
_STEPS = 6
"""A mail takes several questions and answers: so many timeouts in all."""
_TLS = "correct port, disable_ssl and disable_tls in the connection"
_GONE = (421, b"")
_LACKING = "set disable_tls in the connection's extra, or remove its login, if that is meant; name addresses in ASCII"


@contextmanager
def _session(server: MailServer) -> Iterator[smtplib.SMTP]:
    """A session that is ready for mail. Whatever comes after the mail was taken is no failure."""
    if server.security == "ssl":
        session: smtplib.SMTP = smtplib.SMTP_SSL(timeout=server.timeout, context=_context(server))
    else:
        session = smtplib.SMTP(timeout=server.timeout)
    with closing(session), ended_after(_STEPS * server.timeout, lambda: session.sock):
        _greet(session, server)
        yield session
        with suppress(smtplib.SMTPException, OSError):
            session.quit()


def _greet(session: smtplib.SMTP, server: MailServer) -> None:
    # smtplib knows the host, for which the certificate must be, only when it is given to it twice.
    session._host = server.host  # type: ignore[attr-defined]
    code, text = session.connect(server.host, server.port)
    if code != _READY:
        raise smtplib.SMTPConnectError(code, text)
    if server.security == "starttls":
        session.starttls(context=_context(server))
    if server.login and server.password:
        session.login(server.login, server.password)


def _context(server: MailServer) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not server.verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _advice(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate cannot be verified; trust its authority on this machine, or name the host it is for"
    if isinstance(error, ssl.SSLError):
        return f"it speaks no TLS there; {_TLS}"
    return "check its status, and host and port of the connection"


def _code(code: int, text: bytes | str) -> str:
    """The answer's code, and the enhanced one (RFC 3463) that its text begins with."""
    said = _ENHANCED.search(text if isinstance(text, bytes) else text.encode())
    return f"{code} {said[0].decode()}" if said else str(code)


def _server(account: Account) -> MailServer:
    if not account.host:
        raise ConfigurationError("the connection of the e-mail channel names no host: put the mail server there")
    if account.extra.get("auth_type", "basic") != "basic":
        raise ConfigurationError("the e-mail channel knows no auth_type but basic: give its connection a password")
    sender = _sender(str(account.extra.get("from_email") or account.login or ""))
    security: Security = "none" if _is_set(account, "disable_tls") else "starttls"
    security = security if _is_set(account, "disable_ssl") else "ssl"
    return MailServer(
        account.host,
        account.port or _PORTS[security],
        sender,
        security=security,
        verified=account.extra.get("ssl_context") != "none",
        login=account.login,
        password=account.password,
        timeout=seconds_of(account, "the e-mail channel"),
    )


def _is_set(account: Account, name: str) -> bool:
    return str(account.extra.get(name, "")).lower() in ("true", "1", "yes")


def _sender(text: str) -> str:
    """An address, or a name and an address, as a header has it."""
    name, bracket, address = text.rpartition("<")
    address = address.removesuffix(">") if bracket else address
    _require_address(address if name.isprintable() else text, "from_email in the connection's extra")
    return formataddr((name.strip(' "'), address))


def _require_address(text: str, where: str) -> None:
    if not (text.isprintable() and _ADDRESS.fullmatch(text)):
        raise ConfigurationError(
            f"{where} is no e-mail address ({one_line(text, 60)!r}): write one like ml@example.org"
        )
