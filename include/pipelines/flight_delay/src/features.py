"""What the model sees of a flight. All of it is in the schedule, but for the weather of the scheduled hour."""

from __future__ import annotations

CATEGORIES = ["carrier", "origin", "dest"]
NUMBERS = ["sched_minute", "distance", "weekday"]
WEATHER = ["temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
FEATURES = [*CATEGORIES, *NUMBERS, *WEATHER]
