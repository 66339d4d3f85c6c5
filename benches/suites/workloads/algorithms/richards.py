# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = [120, 2_400, 5_920]
# ///
# A scheduler of tasks that pass packets: objects and method calls, after Martin Richards' idea.
from collections import deque


class Task:
    def __init__(self, name, scheduler):
        self.name, self.inbox, self.scheduler, self.handled = name, deque(), scheduler, 0

    def step(self):
        raise NotImplementedError


class Worker(Task):
    def step(self):
        packet = self.inbox.popleft()
        packet["hops"] += 1
        self.handled += 1
        return "device" if packet["id"] % 2 else "handler", packet


class Handler(Task):
    def step(self):
        packet = self.inbox.popleft()
        packet["data"] = [(value + 1) % 26 for value in packet["data"]]
        self.handled += 1
        return ("worker", packet) if packet["hops"] < 20 else (None, packet)


class Device(Handler):
    pass


class Scheduler:
    def __init__(self):
        self.tasks = {kind.__name__.lower(): kind(kind.__name__, self) for kind in (Worker, Handler, Device)}
        self.done = []

    def run(self):
        while any(task.inbox for task in self.tasks.values()):
            for task in self.tasks.values():
                if task.inbox:
                    target, packet = task.step()
                    self.done.append(packet) if target is None else self.tasks[target].inbox.append(packet)


scheduler = Scheduler()
for n in range(120):
    scheduler.tasks["worker"].inbox.append({"id": n, "hops": 0, "data": [n % 26] * 4})
scheduler.run()
result = [len(scheduler.done), scheduler.tasks["worker"].handled, sum(sum(p["data"]) for p in scheduler.done)]
