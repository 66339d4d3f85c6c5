# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = [1_600, 264]
# ///
# Shortest paths by a heap.
import heapq

SIZE = 40
cost = {(x, y): (x * 7 + y * 13) % 9 + 1 for x in range(SIZE) for y in range(SIZE)}
best, queue = {}, [(0, (0, 0))]
while queue:
    length, (x, y) = heapq.heappop(queue)
    if (x, y) in best:
        continue
    best[x, y] = length
    for place in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
        if place in cost and place not in best:
            heapq.heappush(queue, (length + cost[place], place))
result = [len(best), best[SIZE - 1, SIZE - 1]]
