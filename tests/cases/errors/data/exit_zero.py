#: outcome: raised
#: kind: exited
exit(0)
