#: outcome: raised
#: kind: NoOrders
class NoOrders(Exception):
    pass

def check(rows):
    if not rows:
        raise NoOrders("nothing to report")

check([])
