#: outcome: raised
#: kind: ModuleNotFoundError
import pandas as pd
result = pd.DataFrame([])
