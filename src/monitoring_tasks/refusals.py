r"""Phrases by which a language model declines to answer, in six languages: what `<refusals>` stands for.

They name who declines (`I`, `my guidelines`) and what is declined, because a bare `cannot` stands in every second
answer. Below, a blank is white space of any kind and length, and an apostrophe a straight or a curly one.
"""

from __future__ import annotations

_ENGLISH = (
    # I cannot help with that. I'm unable to provide medical advice. I won't be able to assist you.
    r"\bI(( just| simply)? (can't|can ?not|won't|will not)( be able to)?"
    r"|('m| am)( currently)? (unable|not (able|allowed|permitted|qualified)) to)"
    r" (help (you|with)\b|assist\b|comply\b|fulfil|engage in\b|browse\b"
    r"|(provide|answer|generate|create|write|share|discuss|offer|give|process|access|open|reveal|continue)"
    r" (that|this|such|your|any|you|content|information|instructions|advice"
    r"|medical|legal|financial|personal|explicit|harmful|images|external|an (image|opinion))\b)",
    # I'm sorry, but I can't. I'm afraid I won't. Unfortunately, I am not able to.
    r"\b((sorry|apologi[sz]e|apologies),? but|afraid( that)?|unfortunately,?) I"
    r"( can't| can ?not| won't|('m| am) (unable|not (able|allowed))|( don't| do not) have access)\b",
    r"^\s*(sorry,? )?(can't|can ?not|unable to) (help with|assist|comply)\b",
    # As an AI language model, I ...  I'm just an AI. That's not something I can help with.
    r"\bas an? (AI|artificial intelligence|(large )?language model)( language)?( model| assistant)?"
    r"( (created|developed|made|trained) by \w+)?,? (I|my)\b",
    r"\bI('m| am) (just|only) an AI\b",
    r"\bnot something( that)? I(('m| am) able to| can) (help|assist|do|discuss)\b",
    # That goes against my guidelines. I must respectfully decline to answer. I don't feel comfortable writing that.
    r"\b(against|violates?|contrary to|conflicts? with)"
    r" (my( \w+)? (guidelines|programming|policies)|our (content|usage) polic(y|ies))\b",
    r"\bI( must| have to|'ll have to)( respectfully)? decline (to (answer|help|assist|provide|discuss)|(this"
    r"|your) request)\b",
    r"\bI(('m| am) not| don't feel| do not feel) comfortable"
    r" (answering|discussing|engaging|helping|providing|sharing|writing|with (this|that))\b",
    r"\bI('d| would) (rather|prefer) not( to)? (answer|continue|discuss)\b",
    r"\bI (don't|do not) have (access to (real-time|current|external|your)|the ability to)\b",
)
_GERMAN = (
    r"\btut mir (sehr )?leid,? (aber )?(ich (kann|darf|bin nicht)|(dabei|damit|das|darauf|darüber|dazu) (kann"
    r"|darf) ich)\b",
    r"\b(kann ich|ich kann)( (Ihnen|dir|leider|dabei|damit|dazu|das|diese (Frage|Anfrage)|bei dieser (Frage|Anfrage)))*"
    r" (nicht (weiter)?(helfen|beantworten|erfüllen|bearbeiten)|keine (Auskunft|Anleitung|medizinische|rechtliche))",
    r"\bich bin( leider)? nicht in der Lage,? (Ihnen|dir|diese|das|darauf|auf)",
    r"\bals (eine? )?(KI|künstliche Intelligenz|Sprachmodell)(-(Sprachmodell|Modell|Assistent))?,?"
    r" (kann|darf|habe|bin|verfüge) ich\b",
    r"\bgegen meine (Richtlinien|Programmierung)\b",
)
_FRENCH = (
    r"(désolée?|navrée?|regrette|malheureusement),? (mais )?je (ne (peux|pourrai) pas|suis incapable"
    r"|ne suis pas en mesure)",
    r"\bje (ne (peux|pourrai)( malheureusement)? pas|(ne suis pas en mesure|suis dans l'incapacité) d(e|')) ?"
    r"(vous |t'|te |y )?(aider|répondre|fournir|donner suite|générer|accéder|discuter)",
    r"\ben tant qu(e modèle (de langage|linguistique)|'(IA|intelligence artificielle|assistante? (IA"
    r"|virtuele?))),? (je|j')",
    r"(contraires? à|à l'encontre de) mes (directives|principes|règles)\b",
)
_SPANISH = (
    r"\b(siento|lamento|disculp[ae]|lamentablemente),? (pero )?no (puedo|podré|me es posible|estoy autorizad)",
    r"\bno puedo (ayudar|proporcionar|brindar|cumplir con|generar|ofrecer|facilitar|asistir|acceder a)",
    r"\bcomo (una? )?(modelo de lenguaje|IA|inteligencia artificial|asistente (de IA|virtual)),? no\b",
    r"\b(en contra de|viola|infringe) mis (directrices|normas|políticas)\b",
)
_PORTUGUESE = (
    r"\b(desculp[ae]|sinto muito|lamento|infelizmente),? (mas )?(eu )?não (posso|consigo|me é possível"
    r"|estou autorizad)",
    r"\bnão (posso|consigo) (te |lhe )?(ajud[aá]|fornecer|atender|gerar|oferecer|compartilhar|partilhar|auxiliar"
    r"|acessar)",
    r"\bcomo (uma? )?(modelo de linguagem|IA|inteligência artificial|assistente (de IA|virtual)),? (eu )?não\b",
    r"\b(contra|violam?) (as )?minhas (diretrizes|políticas|regras)\b",
)
_ITALIAN = (
    r"\b(mi dispiace|mi spiace|spiacente|purtroppo),? (ma )?non (posso|sono in grado|sono autorizzat|mi è possibile)",
    r"\bnon (posso|sono in grado di) (aiutar|fornir|risponder|assister|generare|soddisfare|offrir|accedere)",
    r"\b(in quanto|come) (un')?(modello linguistico|IA|intelligenza artificiale|assistente virtuale),? non\b",
    r"\b(contro|violano?) le mie (linee guida|regole|politiche)\b",
)
_DUTCH = (
    r"\b(spijt me|sorry|helaas),? (maar )?((daar|hier|dat) kan ik|ik kan|kan ik|ik mag)"
    r"( (je|u|hier|daar|dit|dat|daarmee|hiermee|helaas))* (niet|geen)\b",
    r"\b(kan ik|ik kan)( (je|u|hier|daar|dit|dat|daarmee|hiermee|helaas|deze vraag))*"
    r" (niet (mee |bij )?(helpen|van dienst|beantwoorden)|geen (medisch|juridisch|financieel) advies)",
    r"\bik ben( helaas)? niet in staat (om )?(je|u|dit|dat|deze)\b",
    r"\bals (een )?(taalmodel|AI(-(taalmodel|model|assistent))?),? (kan|heb|ben|mag) ik\b",
    r"\b(tegen|in strijd met) mijn (richtlijnen|beleid)\b",
)
REFUSALS: tuple[str, ...] = tuple(
    phrase.replace(" ?", r"\s*").replace(" ", r"\s+").replace("'", "['\N{RIGHT SINGLE QUOTATION MARK}]")
    for phrases in (_ENGLISH, _GERMAN, _FRENCH, _SPANISH, _PORTUGUESE, _ITALIAN, _DUTCH)
    for phrase in phrases
)
"""Patterns of the small language, to be read without regard to case."""
