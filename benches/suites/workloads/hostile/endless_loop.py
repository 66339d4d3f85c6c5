# /// script
# [tool.exuvia]
# fuel = 100_000_000
# stopped = "fuel"
# ///
# Ends by fuel, whatever catches.
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
