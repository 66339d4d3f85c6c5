"""`zoneinfo` on the database that the build put into `zone_data`: there are no files to read one from."""

import io
import zoneinfo
import zoneinfo._common

from exuvia.zone_data import ZONES


def _load(key):
    try:
        return io.BytesIO(ZONES[key])
    except KeyError:
        raise zoneinfo.ZoneInfoNotFoundError(f"No time zone found with key {key}") from None


def _available():
    return set(ZONES)


def install():
    """Puts the database where `zoneinfo` looks last: the search paths that it tries first do not exist."""
    zoneinfo._common.load_tzdata = _load
    zoneinfo.available_timezones = _available
    zoneinfo.reset_tzpath(to=())
