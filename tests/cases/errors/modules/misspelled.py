#: outcome: raised
#: kind: ModuleNotFoundError
import statistcs
