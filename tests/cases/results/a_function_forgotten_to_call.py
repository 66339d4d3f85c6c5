#: outcome: raised
def total():
    return 1
result = {"total": total}
