#: outcome: raised
#: kind: TypeError
result = retry(lab.fail, 3, how="x")
