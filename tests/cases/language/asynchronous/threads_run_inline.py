#: outcome: returned
#: result: [[0, 1, 4], 7, "inline", "the sandbox has no thr"]
import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(4) as pool:
    squares = list(pool.map(lambda n: n * n, range(3)))
    seven = pool.submit(sum, [3, 4]).result()
inline = await asyncio.to_thread(str.lower, "INLINE")
try:
    threading.Thread(target=print).start()
except RuntimeError as error:
    refused = str(error)
result = [squares, seven, inline, refused[:22]]
