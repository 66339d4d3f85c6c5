#: outcome: raised
#: kind: ModuleNotFoundError
import ssl
