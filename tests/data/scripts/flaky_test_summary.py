# tools: circleci.find_flaky_tests, circleci.list_followed_projects
import re

projects = circleci.list_followed_projects(params={})
slugs = re.findall(r"projectSlug: (\S+)\)?", projects if isinstance(projects, str) else "")
print(f"{len(slugs)} projects followed")

summary = {}
for slug in slugs[:10]:
    slug = slug.rstrip(")")
    report = circleci.find_flaky_tests(params={"projectSlug": slug})
    if not report or "No flaky tests" in report:
        continue
    tests = [line.removeprefix("Test name: ") for line in report.splitlines() if line.startswith("Test name: ")]
    summary[slug] = sorted(set(tests))

worst = max(summary.items(), key=lambda item: len(item[1]), default=(None, []))
print(f"worst: {worst[0]} with {len(worst[1])}")
result = summary
