#: outcome: returned
#: result: ["2026-11-22T10:00:00", "2026-11-22T10:00:00+00:00", "2026-11-22", "10:00:00", 90.5, 1.10, 0.30000000000000004]
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal

noon = datetime(2026, 11, 22, 10)
result = [noon, noon.replace(tzinfo=timezone.utc), date(2026, 11, 22), time(10), timedelta(seconds=90.5),
          Decimal("1.10"), 0.1 + 0.2]
