# tools: google-workspace.get_events
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

EMAIL = "ada@example.com"
TZ = ZoneInfo("Europe/Berlin")
WORK_START, WORK_END = 9, 17
SLOT = timedelta(minutes=45)

today = datetime.now(TZ).replace(hour=0, minute=0, second=0, microsecond=0)


def parse(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=TZ)


def busy(day: datetime) -> list[tuple[datetime, datetime]]:
    events = google_workspace.get_events(
        user_google_email=EMAIL,
        time_min=day.isoformat(),
        time_max=(day + timedelta(days=1)).isoformat(),
        max_results=50,
    )
    if not isinstance(events, list):
        return []
    return sorted((parse(e["start"]), parse(e["end"])) for e in events)


def free(day):
    cursor, end = day.replace(hour=WORK_START), day.replace(hour=WORK_END)
    for start, stop in busy(day):
        if start - cursor >= SLOT:
            yield cursor, start
        cursor = max(cursor, stop)
    if end - cursor >= SLOT:
        yield cursor, end


slots = []
for offset in range(1, 8):
    day = today + timedelta(days=offset)
    if day.weekday() >= 5:
        continue
    slots += [f"{a:%a %d %b %H:%M} to {b:%H:%M}" for a, b in free(day)]
result = slots[:10]
