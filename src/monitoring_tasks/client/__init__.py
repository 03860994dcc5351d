"""What a server calls to log its predictions, and whoever learns the outcomes to log the labels.

>>> from tempfile import mkdtemp
>>> with PredictionLog(mkdtemp()) as log:
...     log.append("order-1", 0.7, {"distance": 12.5, "carrier": "UA"}, model_version="3")
>>> log.dropped
0
"""

from monitoring_tasks.client.buffering import Buffering
from monitoring_tasks.client.log import LabelLog, PredictionLog

__all__ = ["Buffering", "LabelLog", "PredictionLog"]
