#: outcome: raised
open("report.csv", "w")
