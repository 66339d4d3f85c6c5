# tools: everything.echo, everything.get-structured-content, everything.get-sum
from functools import partial, reduce

add = lambda a, b: everything.get_sum(a=a, b=b)
numbers = [3, 1, 4, 1, 5]
answer = reduce(lambda acc, n: acc + n, numbers, 0)
remote = add(numbers[0], numbers[1])
print(f"local {answer}, remote {remote}")

weather = {city: everything.get_structured_content(location=city) for city in ("New York", "Chicago", "Los Angeles")}
warmest = max(weather, key=lambda city: weather[city].get("temperature", float("-inf")))

shout = partial(everything.echo, message="HELLO")
result = {"echo": shout(), "warmest": warmest, "spread": {c: w.get("humidity") for c, w in weather.items()}}
