"""`python -m exuvia`: the program of this package."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path


def main() -> None:
    """Becomes the program `exuvia` that was installed with this package."""
    name = "exuvia" + (sysconfig.get_config_var("EXE") or "")
    schemes = {sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")}
    places = [Path(sysconfig.get_path("scripts", scheme)) for scheme in schemes]
    # `pip install --target DIR` puts it into DIR/bin.
    places.append(Path(__file__).parent.parent / "bin")
    found = next((str(place / name) for place in places if (place / name).is_file()), None) or shutil.which(name)
    if found is None:
        sys.exit("the program exuvia is not there: reinstall the package with pip")
    os.execv(found, [found, *sys.argv[1:]])


if __name__ == "__main__":
    main()
