"""The e-mail channel against an SMTP server on loopback."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from monitoring_tasks.alerts.email import EmailChannel, open_email
from monitoring_tasks.alerts.message import Plot
from monitoring_tasks.data.connections import Account, EnvironmentConnections
from monitoring_tasks.errors import AlertRefused, AlertUndelivered, ConfigurationError
from tests.alerts.certificates import self_signed
from tests.alerts.contract import letter
from tests.alerts.servers import MailServer

DATA, ML, FAR = "data@example.org", "ml@example.org", "far@example.net"
BARE = replace(letter(), message=replace(letter().message, plots=()))


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server that takes everything."""
    with MailServer() as running:
        yield running


def account(server: MailServer, **changes: Any) -> Account:
    """A connection to it, without encryption."""
    extra = {"from_email": "bot@example.org", "disable_ssl": True, "disable_tls": True, "timeout": 10}
    fields: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "extra": extra}
    return Account("smtp", **{**fields, **changes, "extra": {**extra, **changes.get("extra", {})}})


def channel(server: MailServer, *to: str, **changes: Any) -> EmailChannel:
    """The channel to those addresses."""
    return open_email(account(server, **changes), ",".join(to or (DATA, ML)))


def test_a_mail_has_text_page_and_pictures(server: MailServer) -> None:
    """One mail to all: plain text beside HTML, and the plot within the page, by its id."""
    channel(server).send(letter())
    [mail] = server.mails
    assert (mail.sender, mail.to) == ("bot@example.org", (DATA, ML))
    kinds = [part.get_content_type() for part in mail.content.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    picture = [*mail.content.walk()][-1]
    assert picture.get_content().startswith(b"\x89PNG")
    assert f"cid:{picture['Content-ID'][1:-1]}" in mail.content.get_body(("html",)).get_content()
    assert "Picture: shares of temp is missing" in mail.content.get_body(("plain",)).get_content()


def test_a_mail_says_by_its_headers_what_it_is(server: MailServer) -> None:
    """It is from a machine, answers to it are pointless, and its key can be searched for."""
    external = channel(server).send(BARE)
    [mail] = server.mails
    assert mail.content["Auto-Submitted"] == "auto-generated"
    assert mail.content["X-Monitoring-Key"] == BARE.key
    assert mail.content["X-Priority"] == "2"
    assert mail.content["Message-ID"] == external["message_id"]
    assert mail.content["Date"].datetime.tzinfo is not None
    assert external["subject"] == mail.content["Subject"] == "HIGH: flight_delay: temp is missing"


def test_a_retry_is_the_same_mail(server: MailServer) -> None:
    """Two tries of one letter have one Message-ID, two letters have two."""
    mails = channel(server)
    first, again = mails.send(BARE), mails.send(replace(BARE, again=True))
    other = mails.send(replace(BARE, key="another"))
    assert first == again
    assert first["message_id"] != other["message_id"]
    assert len(server.mails) == 3
    assert len(server.shown) == 2


def test_an_incident_is_one_thread(server: MailServer) -> None:
    """What follows answers the first mail; beneath it the subject stays, told aloud it is its own."""
    mails = channel(server)
    first = mails.send(BARE)
    worse = replace(BARE.message, title="CRITICAL: flight_delay: temp is missing")
    mails.send(letter("escalated", thread=first, message=worse))
    mails.send(letter("resolved", thread=first, message=replace(worse, title="resolved: flight_delay", plots=())))
    escalated, resolved = (mail.content for mail in server.mails[1:])
    for mail in (escalated, resolved):
        assert mail["In-Reply-To"] == mail["References"] == first["message_id"]
    assert escalated["Subject"] == worse.title
    assert resolved["Subject"] == f"Re: {first['subject']}"
    assert resolved["X-Priority"] is None
    assert "resolved: flight_delay" in resolved.get_body(("plain",)).get_content()


def test_a_plot_that_cannot_be_drawn_costs_nothing_else(server: MailServer, caplog: pytest.LogCaptureFixture) -> None:
    """The mail goes without the picture, and says in words what was to be seen; the log says why."""
    broken = Plot("bars", "temp", ("a", "b"), {"now": (1.0,)}, "temp rose")
    message = replace(BARE.message, plots=(broken, letter().message.plots[0]))
    channel(server).send(replace(BARE, message=message))
    [mail] = server.mails
    assert "alert.picture_failed title=temp" in caplog.text
    page = mail.content.get_body(("html",)).get_content()
    assert ">temp rose</p>" in page
    assert page.count("<img") == len([part for part in mail.content.walk() if part["Content-ID"]]) == 1


def test_an_address_that_is_refused_for_good_costs_the_others_nothing(
    server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The others get the mail; the log names the address and the code, not what the server said."""
    server.receivers[ML] = "550 5.1.1 no such user, pst: hunter2"
    channel(server).send(BARE)
    assert [mail.to for mail in server.mails] == [(DATA,)]
    assert f"email.addresses_refused key={BARE.key}" in caplog.text
    assert f"{ML} (550 5.1.1)" in caplog.text
    assert "hunter2" not in caplog.text


def test_an_address_that_is_refused_for_now_is_tried_alone(server: MailServer) -> None:
    """Who was reached is kept in the error; the next try goes to the others only."""
    server.receivers[ML] = "450 4.2.0 greylisted"
    mails = channel(server, DATA, ML, FAR)
    with pytest.raises(AlertUndelivered, match=rf"{ML} \(450 4.2.0\) for now") as caught:
        mails.send(BARE)
    assert caught.value.external == {"reached": f"{DATA},{FAR}"}
    server.receivers.clear()
    external = mails.send(replace(BARE, again=True, external=caught.value.external))
    assert [mail.to for mail in server.mails] == [(DATA, FAR), (ML,)]
    assert external["message_id"] == server.mails[0].content["Message-ID"]
    mails.send(replace(BARE, again=True, external={"reached": f"{DATA},{FAR},{ML}"}))
    assert len(server.mails) == 2


def test_addresses_that_are_all_refused_for_good_are_told(server: MailServer) -> None:
    """Nobody can be reached, whatever the wait: the channel is to be corrected."""
    server.receivers.update({DATA: "550 5.1.1 no", ML: "553 no"})
    with pytest.raises(AlertRefused, match=r"refuses data@.* \(550 5.1.1\), ml@.* \(553\): correct `to`"):
        channel(server).send(BARE)


def test_a_server_that_leaves_in_the_middle_reached_nobody(server: MailServer) -> None:
    """After 421 to the second address nothing is sent to the first: both are tried again."""
    server.receivers[ML] = "421 4.3.2 shutting down"
    with pytest.raises(AlertUndelivered) as caught:
        channel(server).send(BARE)
    assert caught.value.external == {}
    assert server.mails == []


@pytest.mark.parametrize(
    ("field", "answer", "error", "told"),
    [
        ("answer", "554 5.7.1 looks like spam", AlertRefused, r"refuses the mail \(554 5.7.1\)"),
        ("answer", "552 too big", AlertRefused, r"refuses the mail \(552\)"),
        ("answer", "451 4.3.0 try later", AlertUndelivered, r"did not take the mail \(451 4.3.0\)"),
        ("sender", "550 5.7.1 not allowed", AlertUndelivered, r"refuses the sender \(550 5.7.1\): correct from_email"),
        ("sender", "451 try later", AlertUndelivered, r"refuses the sender \(451\)"),
    ],
)
def test_refusals_say_what_to_do(
    server: MailServer, field: str, answer: str, error: type[Exception], told: str
) -> None:
    """What no wait mends is refused, what a person or time may mend is undelivered."""
    setattr(server, field, answer)
    with pytest.raises(error, match=told):
        channel(server).send(BARE)


def test_a_session_that_ends_badly_is_no_failure() -> None:
    """Once the mail was taken, whatever the server says to QUIT tells nobody twice."""

    class Rude(MailServer):
        async def handle_QUIT(self, server: SMTP, _: Session, __: Envelope) -> str:  # noqa: N802
            server.transport.close()
            return "500 never"

    with Rude() as server:
        assert channel(server).send(BARE)["message_id"]
        assert len(server.mails) == 1


def test_a_wrong_login_is_told_without_it() -> None:
    """Login and password that are wrong: the connection is to be renewed, and neither is said."""
    with MailServer(password="right") as server, pytest.raises(AlertUndelivered) as caught:
        channel(server, login="bot", password="wrong-secret").send(BARE)
    assert "refuses login and password (535 5.7.8): renew them in the connection" in str(caught.value)
    assert "wrong-secret" not in str(caught.value)


def test_a_login_that_the_server_does_not_know_is_told(server: MailServer) -> None:
    """A server without AUTH is not sent mail as if there were no login."""
    with pytest.raises(AlertUndelivered, match="lacks something"):
        channel(server, login="bot", password="secret").send(BARE)
    assert server.mails == []


@pytest.mark.parametrize("starttls", [False, True])
def test_certificates_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starttls: bool) -> None:
    """A certificate nobody vouches for is refused, one that is trusted or not to be verified is taken."""
    context, trusted = self_signed(tmp_path)
    encrypted = {"disable_ssl": starttls, "disable_tls": not starttls}
    with MailServer(tls=context, starttls=starttls, password="secret") as server:
        login: dict[str, Any] = {"login": "bot", "password": "secret"}
        with pytest.raises(AlertUndelivered, match="certificate cannot be verified"):
            channel(server, extra=encrypted, **login).send(BARE)
        channel(server, extra={**encrypted, "ssl_context": "none"}, **login).send(BARE)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        channel(server, extra=encrypted, **login).send(BARE)
        with pytest.raises(AlertUndelivered, match="certificate cannot be verified"):
            channel(server, extra=encrypted, host="localhost", **login).send(BARE)
    assert len(server.mails) == 2


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ({"disable_ssl": False}, "speaks no TLS there; correct port, disable_ssl and disable_tls"),
        ({"disable_tls": False}, "STARTTLS extension not supported by server.*set disable_tls"),
    ],
)
def test_what_is_not_encrypted_is_not_spoken_to_by_default(server: MailServer, extra: Any, told: str) -> None:
    """Without disable_ssl and disable_tls nothing goes out in the clear."""
    with pytest.raises(AlertUndelivered, match=told):
        channel(server, extra=extra).send(BARE)
    assert server.mails == []


def test_letters_of_all_the_world_in_an_address(server: MailServer) -> None:
    """A server that knows SMTPUTF8 is sent mail for such an address."""
    channel(server, "größe@example.org").send(BARE)
    assert server.mails[0].to == ("größe@example.org",)


def test_a_sender_may_have_a_name(server: MailServer) -> None:
    """`from_email` with a name: people see it, the envelope has the address."""
    channel(server, extra={"from_email": "Models, watched <bot@example.org>"}).send(BARE)
    [mail] = server.mails
    assert mail.sender == "bot@example.org"
    assert mail.content["From"] == '"Models, watched" <bot@example.org>'


def test_the_sender_is_the_login_where_none_is_named(server: MailServer) -> None:
    """Without from_email a login that is an address sends."""
    channel(server, login="me@example.org", extra={"from_email": None}).send(BARE)
    assert server.mails[0].sender == "me@example.org"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"host": ""}, "names no host"),
        ({"extra": {"from_email": ""}}, "from_email in the connection's extra is no e-mail address"),
        ({"extra": {"from_email": "bot@x.org\r\nBcc: all@x.org"}}, "from_email in the connection's extra is no"),
        ({"extra": {"from_email": "a@x.org, b@x.org"}}, "from_email in the connection's extra is no"),
        ({"extra": {"auth_type": "oauth2"}}, "no auth_type but basic"),
        ({"extra": {"timeout": "soon"}}, "timeout in its extra is no number of seconds"),
        ({"extra": {"timeout": -1}}, "timeout in its extra is no number of seconds"),
    ],
)
def test_a_connection_that_cannot_serve_says_why(server: MailServer, changes: dict[str, Any], told: str) -> None:
    """What the connection lacks is said before anything is sent."""
    with pytest.raises(ConfigurationError, match=told):
        channel(server, **changes)


@pytest.mark.parametrize("to", ["nobody", "a@x.org\r\nBcc: b@x.org", "<a@x.org>", "a@x.org b@x.org", ""])
def test_a_receiver_must_be_an_address(server: MailServer, to: str) -> None:
    """`to` is one bare address each: nothing in it becomes a header."""
    with pytest.raises(ConfigurationError, match="`to` of the channel is no e-mail address"):
        open_email(account(server), to)


@pytest.mark.parametrize(
    ("extra", "port"),
    [
        ({}, 465),
        ({"disable_tls": True}, 465),
        ({"disable_ssl": True}, 587),
        ({"disable_ssl": "true", "disable_tls": "1"}, 25),
        ({"disable_ssl": "false"}, 465),
    ],
)
def test_the_port_is_the_usual_one(extra: dict[str, Any], port: int) -> None:
    """Without a port: that of SMTP over TLS, of submission, or of plain SMTP; words of a URI are read as such."""
    document = {"conn_type": "smtp", "host": "mail.example.org", "extra": {"from_email": "a@x.org", **extra}}
    connections = EnvironmentConnections({"AIRFLOW_CONN_SMTP": json.dumps(document)})
    opened = open_email(connections.account("smtp"), ML)
    assert opened._server.place == f"mail server mail.example.org:{port}"


def test_a_password_is_in_no_repr(server: MailServer) -> None:
    """Neither the channel nor what it knows of the server shows the password."""
    opened = channel(server, login="bot", password="hunter2")
    assert "hunter2" not in repr(opened) + repr(opened._server)


def test_the_session_is_quiet(server: MailServer, caplog: pytest.LogCaptureFixture) -> None:
    """What is sent and answered is not in the log of the package."""
    with caplog.at_level(logging.DEBUG, "monitoring_tasks"):
        channel(server).send(BARE)
    assert [record for record in caplog.records if record.name.startswith("monitoring_tasks")] == []


def test_the_content_needs_no_eight_bits(server: MailServer) -> None:
    """A mail of any letters is ASCII on its way, in lines short enough for SMTP."""
    channel(server).send(letter(text="größer 日本語 " * 10))
    raw = server.mails[0].raw
    assert raw.isascii()
    assert max(map(len, raw.splitlines())) <= 998
