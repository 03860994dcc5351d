"""The drift methods a monitor may name: kinds they apply to, direction and default limits.

The function of the same name in `profile/scores.py` computes it; a test holds both lists together. Nothing heavy is
imported here, because configuration is read whenever a DAG file is parsed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["numeric", "categorical"]
EVIDENTLY = "evidently:"


@dataclass(frozen=True)
class Method:
    """One drift method: where it applies, which way is worse, and its default limits."""

    kinds: frozenset[Kind]
    threshold: float
    severe: float
    p_value: bool = False
    """A p-value is worse when smaller; every other score is worse when larger."""

    def breached(self, value: float, limit: float) -> bool:
        """Whether `value` lies on the wrong side of `limit`; NaN counts as breached, since unknown is not healthy.

        >>> METHODS["psi"].breached(0.3, 0.2), METHODS["ks_p_value"].breached(0.3, 0.05)
        (True, False)
        """
        return not (value >= limit if self.p_value else value <= limit)


_NUMERIC: frozenset[Kind] = frozenset({"numeric"})
_CATEGORICAL: frozenset[Kind] = frozenset({"categorical"})
_BOTH = _NUMERIC | _CATEGORICAL

METHODS: dict[str, Method] = {
    "psi": Method(_BOTH, 0.2, 0.25),
    "jensen_shannon": Method(_BOTH, 0.1, 0.2),
    "hellinger": Method(_BOTH, 0.1, 0.2),
    "kl_divergence": Method(_BOTH, 0.1, 0.2),
    "total_variation": Method(_BOTH, 0.1, 0.2),
    "ks": Method(_NUMERIC, 0.1, 0.2),
    "ks_p_value": Method(_NUMERIC, 0.05, 0.001, p_value=True),
    "wasserstein": Method(_NUMERIC, 0.1, 0.2),
    "chi_square_p_value": Method(_CATEGORICAL, 0.05, 0.001, p_value=True),
}

# Evidently's own tests run on the bounded sample; some of their p-values have a floor of .001, so severe lies above.
EVIDENTLY_METHODS: dict[str, Method] = {
    "ks": Method(_NUMERIC, 0.05, 0.005, p_value=True),
    "anderson": Method(_NUMERIC, 0.05, 0.005, p_value=True),
    "cramer_von_mises": Method(_NUMERIC, 0.05, 0.005, p_value=True),
    "t_test": Method(_NUMERIC, 0.05, 0.005, p_value=True),
    "mannw": Method(_NUMERIC, 0.05, 0.005, p_value=True),
    "es": Method(_NUMERIC, 0.05, 0.005, p_value=True),
    "wasserstein": Method(_NUMERIC, 0.1, 0.2),
    "ed": Method(_NUMERIC, 0.1, 0.2),
    "psi": Method(_BOTH, 0.2, 0.25),
    "jensenshannon": Method(_BOTH, 0.1, 0.2),
    "kl_div": Method(_BOTH, 0.1, 0.2),
    "hellinger": Method(_BOTH, 0.1, 0.2),
    "chisquare": Method(_CATEGORICAL, 0.05, 0.005, p_value=True),
    "z": Method(_CATEGORICAL, 0.05, 0.005, p_value=True),
    "g_test": Method(_CATEGORICAL, 0.05, 0.005, p_value=True),
    "TVD": Method(_CATEGORICAL, 0.05, 0.005, p_value=True),
}


def method(name: str) -> Method:
    """The method called `name`; `evidently:<name>` is Evidently's own. Raises `ValueError` naming the allowed ones.

    >>> method("evidently:anderson").p_value
    True
    """
    table, key = (EVIDENTLY_METHODS, name.removeprefix(EVIDENTLY)) if name.startswith(EVIDENTLY) else (METHODS, name)
    if key not in table:
        raise ValueError(f"{name!r} is not a drift method: use one of {', '.join(allowed_methods())}")
    return table[key]


def is_method(name: str) -> bool:
    """Whether there is a method called `name`; results of before may name one that is gone.

    >>> is_method("psi"), is_method("evidently:anderson"), is_method("chi")
    (True, True, False)
    """
    return (name.removeprefix(EVIDENTLY) in EVIDENTLY_METHODS) if name.startswith(EVIDENTLY) else name in METHODS


def allowed_methods(kind: Kind | None = None) -> list[str]:
    """Names a monitor may use for columns of `kind` (all of them by default), our own first."""
    rows = [*METHODS.items(), *((EVIDENTLY + name, row) for name, row in EVIDENTLY_METHODS.items())]
    return [name for name, row in rows if kind is None or kind in row.kinds]
