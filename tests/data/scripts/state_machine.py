# tools: kubernetes.pods_get, kubernetes.resources_get, kubernetes.resources_scale
import logging
import time
from enum import StrEnum

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
log = logging.getLogger("scale")


class State(StrEnum):
    START = "start"
    SCALING = "scaling"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


def deployment() -> dict:
    return kubernetes.resources_get(apiVersion="apps/v1", kind="Deployment", name="checkout", namespace="shop")


def step(state: State, target: int) -> State:
    match state:
        case State.START:
            return State.DONE if deployment()["spec"]["replicas"] == target else State.SCALING
        case State.SCALING:
            kubernetes.resources_scale(apiVersion="apps/v1", kind="Deployment", name="checkout", namespace="shop", scale=target)
            return State.WAITING
        case State.WAITING:
            match deployment().get("status"):
                case {"readyReplicas": int(ready), **rest} if ready >= target:
                    log.info("ready: %d, conditions: %s", ready, rest.get("conditions"))
                    return State.DONE
                case {"conditions": [{"type": "ReplicaFailure", "message": message}, *_]}:
                    log.error("failed: %s", message)
                    return State.FAILED
                case None | {}:
                    log.warning("no status yet")
            time.sleep(1)
            return State.WAITING
        case State.DONE | State.FAILED as final:
            return final


state, trail = State.START, []
for _ in range(30):
    trail.append(state)
    state = step(state, target=4)
    if state in (State.DONE, State.FAILED):
        break
else:
    log.warning("gave up")

if state is State.FAILED:
    pod = kubernetes.pods_get(name="checkout-0", namespace="shop")
    log.info("phase of the first pod: %s", pod.get("status", {}).get("phase"))
result = {"state": state, "trail": [str(s) for s in trail]}
