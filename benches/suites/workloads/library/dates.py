# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = [24, 1_500]
# ///
# Dates and time zones.
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

start = datetime(2026, 1, 1, tzinfo=timezone.utc)
hours = {}
for n in range(1_500):
    local = (start + timedelta(hours=7 * n)).astimezone(ZoneInfo("Europe/Berlin"))
    assert datetime.fromisoformat(local.isoformat()) == local
    hours[local.hour] = hours.get(local.hour, 0) + 1
result = [len(hours), sum(hours.values())]
