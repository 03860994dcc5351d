"""The conversions that units are mistaken by: factors and offsets, the likeliest first."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from monitoring_tasks.profile.binning import Floats


@dataclass(frozen=True)
class Conversion:
    """What happened to a value: `factor * value + offset`. `words` say it of many values.

    A `round` factor separates mistaken values from right ones so far, or is so common, that a few values are enough;
    one that is not `listed` was estimated from the values themselves.
    """

    factor: float
    offset: float = 0.0
    words: str = ""
    round: bool = False
    listed: bool = True

    def undone(self, values: Floats) -> Floats:
        """The values before the conversion.

        >>> Conversion(1.8, 32).undone(np.array([212.0])).tolist()
        [100.0]
        """
        with np.errstate(over="ignore", under="ignore"):
            undone: Floats = (values - self.offset) / self.factor
        return undone

    def done(self, values: Floats) -> Floats:
        """The values after the conversion."""
        with np.errstate(over="ignore", under="ignore"):
            done: Floats = values * self.factor + self.offset
        return done

    @property
    def power_of_ten(self) -> bool:
        """Whether nothing but the decimal point was moved."""
        return self in _POWERS

    @property
    def size(self) -> float:
        """How many times values grew or shrank; at least 1.

        >>> Conversion(0.01).size
        100.0
        """
        return max(abs(self.factor), 1 / abs(self.factor))

    @property
    def keeps_whole(self) -> bool:
        """Whether whole numbers are whole afterwards too: by a whole factor, or divided by one and cut off.

        >>> [Conversion(factor).keeps_whole for factor in (1000.0, 0.001, 1.609344)]
        [True, True, False]
        """
        sound = math.isclose(self.size, round(self.size), rel_tol=1e-9) and self.offset == round(self.offset)
        return self.listed and sound


def scaled(factor: float, words: str = "", *, round: bool = False, listed: bool = True) -> Conversion:
    """A multiplication, with its words made up where none are given."""
    return Conversion(factor, 0.0, words or _sized(factor), round, listed)


def _sized(factor: float) -> str:
    times, way = (factor, "large") if factor >= 1 else (1 / factor, "small")
    told = f"{times:,.0f}" if times >= 100 and math.isclose(times, round(times), rel_tol=1e-9) else f"{times:.3g}"
    return f"{told} times too {way}"


_POWERS = [scaled(10.0**sign, round=True) for power in (3, 2, 6, 1, 9, 4, 5, 12) for sign in (power, -power)]
_ROUND = [60.0, 3600.0, 1024.0, 24.0, 86400.0, 1024.0**2, 1024.0**3]
_PAIRS = [
    (1.609344, "miles", "kilometres"),
    (0.3048, "feet", "metres"),
    (2.54, "inches", "centimetres"),
    (25.4, "inches", "millimetres"),
    (0.45359237, "pounds", "kilograms"),
    (28.349523125, "ounces", "grams"),
    (1.852, "knots or nautical miles", "km/h or kilometres"),
    (3.6, "m/s", "km/h"),
    (2.2369362921, "m/s", "miles/h"),
    (3.785411784, "gallons", "litres"),
    (33.8638866667, "inches of mercury", "hectopascals"),
    (6.894757293, "psi", "kilopascals"),
    (4.184, "calories", "joules"),
    (math.pi / 180, "degrees", "radians"),
    (7.0, "weeks", "days"),
    (12.0, "years or feet", "months or inches"),
]
CONVERSIONS = (
    *_POWERS,
    *(scaled(sign, round=True) for factor in _ROUND for sign in (factor, 1 / factor)),
    Conversion(5 / 9, -160 / 9, "in degrees Celsius instead of Fahrenheit"),
    Conversion(9 / 5, 32.0, "in degrees Fahrenheit instead of Celsius"),
    Conversion(1.0, 273.15, "in kelvin instead of degrees Celsius"),
    Conversion(1.0, -273.15, "in degrees Celsius instead of kelvin"),
    Conversion(-1.0, 0.0, "of the opposite sign"),
    *(scaled(factor, f"{_sized(factor)}, as {a} in {b}") for factor, a, b in _PAIRS),
    *(scaled(1 / factor, f"{_sized(1 / factor)}, as {b} in {a}") for factor, a, b in _PAIRS),
)
