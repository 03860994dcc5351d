"""One metric of both sides on the same rows: values, difference, standard error, interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from monitoring_tasks.performance_section import AT_RATE
from monitoring_tasks.retraining.gate.auc import Flags, delong, pairs, quadratic
from monitoring_tasks.retraining.gate.bootstrap import degrees, standard_error
from monitoring_tasks.retraining.gate.losses import LOSSES
from monitoring_tasks.retraining.gate.ranked import RANKED, jackknife, rank
from monitoring_tasks.retraining.gate.sample import Floats, Sample, Whole
from monitoring_tasks.retraining.gate.verdict import Comparison
from monitoring_tasks.retraining_section import ALERT_RATE


@dataclass(frozen=True)
class _Found:
    champion: float
    challenger: float
    difference: float
    error: float | None
    degrees: float


def compare(metric: str, rows: Sample, *, confidence: float, alert_rate: float = ALERT_RATE) -> Comparison:
    """Both sides by one metric, with an interval at `confidence`: difference -+ t quantile x standard error.

    With blocks the error is the block bootstrap's (of average precision, the block jackknife's) and t has the effective
    number of blocks less one degrees of freedom; without, DeLong's for AUC (degrees: the smaller class less one) and
    that of a mean of paired differences otherwise. No rows, or a ranking of a single class: every figure is None.
    `alert_rate` is that of recall_at_rate.
    """
    days, rate = rows.days, alert_rate if metric in AT_RATE else None
    method = "day blocks" if rows.block is not None else "delong" if metric == "auc" else "rows"
    found = _found(metric, rows, alert_rate)
    if found is None:
        return Comparison(metric, None, None, None, None, None, None, None, method, len(rows), days, rate)
    values = (found.champion, found.challenger, found.difference)
    if found.error is None:
        return Comparison(metric, *values, None, None, None, None, method, len(rows), days, rate)
    reach = float(stdtrit(found.degrees, 0.5 + confidence / 2)) * found.error
    bounds = (found.difference - reach, found.difference + reach)
    return Comparison(metric, *values, *bounds, found.error, found.degrees, method, len(rows), days, rate)


def probability_of_less(found: Comparison, margin: float) -> float | None:
    """One-sided p-value of "the challenger is not worse by more than margin"; None without a standard error.

    >>> from monitoring_tasks.retraining.gate.sample import Sample
    >>> zeros, ones = np.zeros(40), np.tile([0.0, 1.0], 20)
    >>> worse = compare("mae", Sample(zeros, zeros, ones), confidence=0.95)
    >>> probability_of_less(worse, 0.0) < 1e-6, probability_of_less(worse, 0.5)
    (True, 0.5)
    """
    if found.difference is None or found.standard_error is None or found.degrees is None:
        return None
    if found.standard_error == 0:
        return float(found.difference >= -margin)
    return float(stdtr(found.degrees, (found.difference + margin) / found.standard_error))


def excess_miss(rows: Sample, *, confidence: float) -> tuple[float, float | None]:
    """By how much more the challenger's mean misses the mean outcome than the champion's, and its interval's lower end.

    To first order: on which side of the outcome each mean lies is taken as known. The end is None without a standard
    error.

    >>> from monitoring_tasks.retraining.gate.sample import Sample
    >>> excess_miss(Sample(np.zeros(4), np.full(4, -0.25), np.full(4, 0.75)), confidence=0.95)
    (0.5, 0.5)
    """
    old, new = (side - rows.label for side in (rows.champion, rows.challenger))
    excess = np.sign(new.mean()) * new - np.sign(old.mean()) * old
    value, (error, freedom) = float(excess.mean()), _error(excess, rows)
    return value, None if error is None else value - float(stdtrit(freedom, 0.5 + confidence / 2)) * error


def _found(metric: str, rows: Sample, alert_rate: float) -> _Found | None:
    if metric == "auc":
        return _auc(rows)
    return _ranked(metric, rows, alert_rate) if metric in RANKED else _mean(metric, rows)


def _auc(rows: Sample) -> _Found | None:
    positive = rows.label == 1
    least = min(int(positive.sum()), int((~positive).sum()))
    if least == 0:
        return None
    if rows.block is not None:
        return _auc_of_blocks(rows, rows.block, positive)
    champion, challenger, error = delong(rows.champion, rows.challenger, positive)
    return _Found(champion, challenger, challenger - champion, error, max(least - 1.0, 1.0))


def _auc_of_blocks(rows: Sample, block: Whole, positive: Flags) -> _Found:
    positives, negatives = (_counts(block[flags], rows.blocks) for flags in (positive, ~positive))
    champion, challenger = (pairs(side, positive, block, rows.blocks) for side in (rows.champion, rows.challenger))
    won = challenger - champion

    def difference(drawn: Floats) -> Floats:
        possible = (drawn @ positives) * (drawn @ negatives)
        gained = quadratic(drawn, won)
        values: Floats = np.divide(gained, possible, out=np.full(len(drawn), np.nan), where=possible > 0)
        return values

    both = min(np.count_nonzero(positives), np.count_nonzero(negatives)) > 1
    error = standard_error(difference, rows.blocks) if both else None
    values = [float(table.sum() / (positives.sum() * negatives.sum())) for table in (champion, challenger, won)]
    return _Found(values[0], values[1], values[2], error, degrees(positives, negatives))


def _ranked(metric: str, rows: Sample, alert_rate: float) -> _Found | None:
    classes = [_sizes(rows, flags) for flags in (rows.label == 1, rows.label == 0)]
    if not all(each.any() for each in classes):
        return None
    champion, challenger, gain = rank(metric, rows, alert_rate=alert_rate)
    both = min(np.count_nonzero(each) for each in classes) > 1
    error = _error(gain, rows)[0] if both else None
    if error is not None and metric == "average_precision" and rows.block is not None:
        error = jackknife(rows)
    return _Found(champion, challenger, challenger - champion, error, degrees(*classes))


def _sizes(rows: Sample, flags: Flags) -> Floats:
    """How many of these rows each block holds; without blocks, one for each of them."""
    return np.ones(int(flags.sum())) if rows.block is None else _counts(rows.block[flags], rows.blocks)


def _counts(block: Whole, blocks: int) -> Floats:
    return np.bincount(block, minlength=blocks).astype(np.float64)


def _mean(metric: str, rows: Sample) -> _Found | None:
    if not len(rows):
        return None
    value, sign = LOSSES[metric]
    champion, challenger = value(rows.label, rows.champion), value(rows.label, rows.challenger)
    gain = sign * (challenger - champion)
    error, freedom = _error(gain, rows)
    return _Found(float(champion.mean()), float(challenger.mean()), float(gain.mean()), error, freedom)


def _error(gain: Floats, rows: Sample) -> tuple[float | None, float]:
    return _error_of_rows(gain) if rows.block is None else _error_of_blocks(gain, rows.block, rows.blocks)


def _error_of_rows(gain: Floats) -> tuple[float | None, float]:
    if len(gain) < 2:
        return None, 1.0
    return float(gain.std(ddof=1) / np.sqrt(len(gain))), len(gain) - 1.0


def _error_of_blocks(gain: Floats, block: Whole, blocks: int) -> tuple[float | None, float]:
    sums, counts = np.bincount(block, weights=gain, minlength=blocks), _counts(block, blocks)
    return standard_error(lambda drawn: (drawn @ sums) / (drawn @ counts), blocks), degrees(counts)
