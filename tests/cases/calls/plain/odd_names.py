#: outcome: returned
#: result: ["xxx", "xxx", {"from": "a", "max-rows": 2}, {"from": "a"}, {"from": "b", "max-rows": 1}]
result = [
    lab.text_of(bytes=3),
    lab["text-of"](3),
    lab.move(from_="a", max_rows=2)["arguments"],
    lab.move("a")["arguments"],
    lab.move(**{"from": "b", "max-rows": 1})["arguments"],
]
