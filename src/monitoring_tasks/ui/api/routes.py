"""All routes of the API: each asks who it is, and says what it answers."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from monitoring_tasks.ui.access import SIGNED_IN
from monitoring_tasks.ui.api import champions, incidents, metrics, monitors, verdicts
from monitoring_tasks.ui.api.asking import REFUSALS, private

RESOURCES = APIRouter(prefix="/api/v1", dependencies=[SIGNED_IN, Depends(private)], responses=REFUSALS)
for part in (monitors, verdicts, metrics, champions, incidents):
    RESOURCES.include_router(part.ROUTER)
