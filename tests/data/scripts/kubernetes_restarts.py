# tools: kubernetes.pods_list, kubernetes.pods_log
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

ERROR = re.compile(r"\b(ERROR|FATAL|panic:)\b")


def restarts(pod: dict) -> int:
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return sum(status.get("restartCount", 0) for status in statuses)


pods = kubernetes.pods_list(labelSelector="app=checkout")
if isinstance(pods, str):
    raise SystemExit(f"expected a list of pods, got text: {pods[:200]!r}")
noisy = [pod for pod in pods if restarts(pod) > 3]
print(f"{len(noisy)} of {len(pods)} pods restarted more than three times")


def log(pod):
    meta = pod["metadata"]
    return kubernetes.pods_log(name=meta["name"], namespace=meta["namespace"], previous=True, tail=500)


errors = Counter()
samples = {}
with ThreadPoolExecutor(max_workers=8) as pool:
    for pod, text in zip(noisy, pool.map(log, noisy)):
        for line in str(text).splitlines():
            if ERROR.search(line):
                key = re.sub(r"[0-9a-f]{8,}|\d+", "#", line)[:120]
                errors[key] += 1
                samples.setdefault(key, f"{pod['metadata']['name']}: {line[:200]}")

result = [{"count": n, "pattern": k, "sample": samples[k]} for k, n in errors.most_common(10)]
