#: outcome: returned
#: result: {"mean": 3.5, "median": 3.5, "stdev": 1.8708, "quantiles": [1.75, 3.5, 5.25], "mode": "a", "slope": 2.0}
import statistics

data = [1, 2, 3, 4, 5, 6]
result = {
    "mean": statistics.mean(data),
    "median": statistics.median(data),
    "stdev": round(statistics.stdev(data), 4),
    "quantiles": statistics.quantiles(data),
    "mode": statistics.mode("aabbbaa"),
    "slope": statistics.linear_regression([1, 2, 3], [3, 5, 7]).slope,
}
