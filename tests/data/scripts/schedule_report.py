# tools: google-workspace.query_freebusy, google-workspace.list_calendars
import calendar
from collections import namedtuple
from datetime import date, datetime, time, timedelta

Interval = namedtuple("Interval", "start end")
EMAIL = "ada@example.com"


def month_bounds(day: date) -> tuple[datetime, datetime]:
    _, last = calendar.monthrange(day.year, day.month)
    return datetime.combine(day.replace(day=1), time.min), datetime.combine(day.replace(day=last), time.max)


def merged(intervals):
    """Overlapping intervals become one."""
    out = []
    for interval in sorted(intervals):
        if out and interval.start <= out[-1].end:
            out[-1] = out[-1]._replace(end=max(out[-1].end, interval.end))
        else:
            out.append(interval)
    return out


start, end = month_bounds(date.today())
calendars = google_workspace.list_calendars(user_google_email=EMAIL)
ids = [c["id"] for c in calendars] if isinstance(calendars, list) else ["primary"]
answer = google_workspace.query_freebusy(
    user_google_email=EMAIL, time_min=f"{start:%Y-%m-%dT%H:%M:%SZ}", time_max=f"{end:%Y-%m-%dT%H:%M:%SZ}", calendar_ids=ids
)
busy = [
    Interval(datetime.fromisoformat(b["start"]), datetime.fromisoformat(b["end"]))
    for cal in (answer.get("calendars", {}) if isinstance(answer, dict) else {}).values()
    for b in cal.get("busy", [])
]
hours = sum(((i.end - i.start) for i in merged(busy)), timedelta()).total_seconds() / 3600
result = {"month": f"{start:%B %Y}", "busy_hours": round(hours, 1), "meetings": len(busy)}
