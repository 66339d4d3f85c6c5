#: outcome: returned
#: result: [{"from": "a"}, "refused"]
sent = lab.move(from_="a")["arguments"]
try:
    lab.move(from_="a", max_rows=None)
    told = "sent"
except TypeError:
    told = "refused"
result = [sent, told]
