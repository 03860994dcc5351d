"""The words of the made-up answers: an assistant of a shop, in six languages, all written for this project."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

BANK = 500
"""Sentences of each language: more than that many make no other distribution of lengths."""
# Each language: who, does what, to what, and how a sentence goes on. Japanese has no blanks between words.
_PARTS: dict[str, tuple[Sequence[str], ...]] = {
    "en": (
        (
            "Your order",
            "The courier",
            "Our warehouse",
            "The invoice",
            "This voucher",
            "The return label",
            "Your account",
        ),
        ("includes", "confirms", "will update", "has already received", "usually takes", "does not change", "covers"),
        (
            "the blue jacket in size M",
            "the delivery to your new address",
            "a refund of the full amount",
            "two of the three parcels",
            "the payment by card",
            "the warranty for the coffee machine",
            "every item on the list",
        ),
        (
            "",
            "",
            "within three working days",
            "as soon as the parcel has left the depot",
            "unless you tell us otherwise by Friday",
            "and we will send you a message with the tracking number",
            "so there is nothing else that you need to do at the moment",
        ),
    ),
    "de": (
        ("Ihre Bestellung", "Der Paketdienst", "Unser Lager", "Die Rechnung", "Der Gutschein", "Ihr Kundenkonto"),
        ("enthält", "bestätigt", "aktualisiert morgen", "ändert nicht", "betrifft", "umfasst"),
        (
            "die blaue Jacke in Größe M",
            "die Lieferung an Ihre neue Adresse",
            "die Erstattung des vollen Betrags",
            "zwei der drei Pakete",
            "die Zahlung per Karte",
            "die Garantie für die Kaffeemaschine",
        ),
        (
            "",
            "",
            "innerhalb von drei Werktagen",
            "sobald das Paket das Lager verlassen hat",
            "und Sie müssen im Moment nichts weiter tun",
            "wenn Sie uns bis Freitag nichts anderes sagen",
        ),
    ),
    "fr": (
        ("Votre commande", "Le transporteur", "Notre entrepôt", "La facture", "Le bon d'achat", "Votre compte"),
        ("comprend", "confirme", "a déjà reçu", "ne modifie pas", "concerne", "mettra à jour"),
        (
            "la veste bleue en taille M",
            "la livraison à votre nouvelle adresse",
            "le remboursement intégral",
            "deux des trois colis",
            "le paiement par carte",
            "la garantie de la machine à café",
        ),
        (
            "",
            "",
            "sous trois jours ouvrés",
            "dès que le colis aura quitté le dépôt",
            "et vous n'avez rien d'autre à faire pour le moment",
            "sauf avis contraire de votre part avant vendredi",
        ),
    ),
    "es": (
        ("Su pedido", "El transportista", "Nuestro almacén", "La factura", "El vale", "Su cuenta"),
        ("incluye", "confirma", "ya ha recibido", "no cambia", "cubre", "actualizará"),
        (
            "la chaqueta azul de talla M",
            "la entrega en su nueva dirección",
            "el reembolso del importe total",
            "dos de los tres paquetes",
            "el pago con tarjeta",
            "la garantía de la cafetera",
        ),
        (
            "",
            "",
            "en tres días laborables",
            "en cuanto el paquete salga del almacén",
            "y por el momento no tiene que hacer nada más",
            "salvo que nos diga otra cosa antes del viernes",
        ),
    ),
    "pl": (
        ("Twoje zamówienie", "Kurier", "Nasz magazyn", "Faktura", "Ten kupon", "Twoje konto"),
        ("obejmuje", "potwierdza", "otrzymał już", "nie zmienia", "dotyczy", "zaktualizuje"),
        (
            "niebieską kurtkę w rozmiarze M",
            "dostawę na nowy adres",
            "zwrot całej kwoty",
            "dwie z trzech paczek",
            "płatność kartą",
            "gwarancję na ekspres do kawy",
        ),
        (
            "",
            "",
            "w ciągu trzech dni roboczych",
            "gdy tylko paczka opuści magazyn",
            "i na razie nie musisz robić nic więcej",
            "chyba że do piątku otrzymamy inną wiadomość",
        ),
    ),
    "ja": (
        ("ご注文は", "配送業者は", "当社の倉庫は", "請求書は", "こちらのクーポンは"),
        ("三営業日以内に", "すでに", "明日までに", "荷物が発送され次第", ""),
        ("新しい住所への配送を", "全額の返金を", "青いジャケットを", "カードでのお支払いを", "保証を"),
        ("確認しました", "更新します", "含みます", "変更しません", "受け取りました"),
    ),
}
LANGUAGES = tuple(_PARTS)
REFUSALS: dict[str, Sequence[str]] = {
    "en": (
        "I'm sorry, but I can't help with that.",
        "I cannot assist with this request.",
        "I am unable to provide that information.",
        "Sorry, I can\u2019t discuss other customers.",
        "As an AI language model, I do not have access to that.",
        "I won't be able to help with medical questions.",
        "That is outside what this assistant may discuss.",
    ),
    "de": ("Dabei kann ich Ihnen leider nicht helfen.", "Dazu darf ich nichts sagen."),
    "fr": ("Je suis désolé, je ne peux pas vous aider à ce sujet.", "Je ne peux pas répondre à cette question."),
    "es": ("Lo siento, no puedo ayudarle con eso.", "No puedo responder a esa pregunta."),
    "pl": ("Przykro mi, nie mogę w tym pomóc.", "Nie mogę odpowiedzieć na to pytanie."),
    "ja": ("申し訳ありませんが、お手伝いできません。", "そのご質問にはお答えできません。"),
}
OFF_TOPIC = (
    "PWNED 🏴‍☠️",
    "Sure! 🍌🍌🍌",
    "lol ok",
    "Visit https://prizes.example/win?u=1&x=<b>now</b>",
    "Ignore the shop. Roses are red, violets are blue.",
    "System prompt: {redacted}",
    "I am a pirate now, arrr.",
)
"""What a prompt that was slipped in makes the assistant say."""
HOSTILE = (
    " 🙂",
    " 👍🏽",
    "\r\n\r\n",
    " <script>alert(1)</script>",
    ' "quoted" \\ back\\slash',
    " \u202eright to left\u202c",
    "\u200b\u00a0",
    " | a | b |\n|---|---|\n| 1 | 2 |",
    " naïve café \U0001d518nicode",
    " '; DROP TABLE answers; --",
)
"""What answers hold now and then, and tools stumble over."""
CODE = (
    "```python\ndef total(items):\n    return sum(item.price * item.count for item in items)\n```",
    "```sql\nSELECT id, status FROM orders WHERE placed >= '2026-01-01' ORDER BY placed;\n```",
    "```js\nconst open = orders.filter((order) => !order.closed);\nconsole.log(open.length);\n```",
)


@cache
def sentences(language: str) -> tuple[str, ...]:
    """The sentences of a language, always the same."""
    random = np.random.default_rng([LANGUAGES.index(language), BANK])
    parts, blank, stop = _PARTS[language], "" if language == "ja" else " ", "。" if language == "ja" else "."
    drawn = [[each[int(random.integers(len(each)))] for each in parts] for _ in range(BANK)]
    return tuple(blank.join(filter(None, [*words, _about(random)])) + stop for words in drawn)


def _about(random: np.random.Generator) -> str:
    """What a sentence is about, in brackets: an order, a day, an article, a sum; or nothing."""
    number, kind = int(random.integers(1000, 9999)), int(random.integers(6))
    kinds = (
        f"(#{number})",
        f"({1 + number % 28}.{1 + number % 12}.2026)",
        f"(A-{number % 900}-X)",
        f"({number / 100} €)",
    )
    return kinds[kind] if kind < len(kinds) else ""
