#: outcome: raised
#: kind: ModuleNotFoundError
import nest_asyncio
nest_asyncio.apply()
