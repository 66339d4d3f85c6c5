#: outcome: returned
#: result: ["2026-03-29T03:30:00+02:00", 1, "2026-02-28", "Sunday", 6, true]
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

berlin = ZoneInfo("Europe/Berlin")
before = datetime(2026, 3, 29, 0, 30, tzinfo=timezone.utc)
after = before + timedelta(hours=1)
gap = after.astimezone(berlin).utcoffset() - before.astimezone(berlin).utcoffset()
result = [
    after.astimezone(berlin).isoformat(),
    gap // timedelta(hours=1),
    date(2026, 3, 1) - timedelta(days=1),
    date(2026, 11, 22).strftime("%A"),
    datetime.strptime("22.11.2026", "%d.%m.%Y").weekday(),
    datetime.now(timezone.utc).year >= 2025,
]
