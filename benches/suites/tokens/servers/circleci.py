# CI, as the CircleCI server answers: texts.
def get_latest_pipeline_status(params=None):
    return "\n---\n".join(f"Workflow: {name}\nStatus: {'failed' if name == 'deploy' else 'success'}\nDuration: {n * 3 + 2} minutes\nCreated: 11/29/2026, 10:00:00 AM\nStopped: 11/29/2026, 10:{n * 3 + 12} AM" for n, name in enumerate(("build", "test", "deploy")))


def find_flaky_tests(params=None):
    return "Found 18 flaky tests that need stabilization:\n" + "\n".join(f"=====\nFile Name: tests/part{n}.test.ts\nClassname: part{n}\nTest name: renders {n}\nResult: failure\nRun time: {n * 0.3:.1f}\nMessage: Timed out after 5000 ms" for n in range(18))


def get_build_failure_logs(params=None):
    return "Job: deploy (job number: 991)\n" + "\n".join(f"step {n}: {'error: connection reset by peer' if n % 40 == 39 else 'ok'}" for n in range(200))


def list_followed_projects(params=None):
    return "Projects followed:\n1. web (projectSlug: gh/acme/web)\n2. api (projectSlug: gh/acme/api)"
