"""What the model sees of a payment: logged columns, and two that are computed from them."""

from __future__ import annotations

import pandas as pd

CATEGORIES = ["merchant_category", "channel", "country"]
NUMBERS = ["amount", "usual_amount", "distance_km", "hours_since_last", "payments_24h", "account_age_days"]
DERIVED = ["amount_ratio", "hour"]
FEATURES = [*CATEGORIES, *NUMBERS, *DERIVED]
LOGGED = ["payment_id", "at", "customer_id", *CATEGORIES, *NUMBERS]


def with_derived(payments: pd.DataFrame) -> pd.DataFrame:
    """The payments with the derived columns, under the names and by the rules of the monitor's section `derived`.

    A payment of a customer without a usual amount has no ratio.
    """
    ratio = payments["amount"] / payments["usual_amount"].where(payments["usual_amount"] != 0)
    return payments.assign(amount_ratio=ratio, hour=payments["at"].dt.hour)
