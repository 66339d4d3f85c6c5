# finds: 6 missing-argument, 7 missing-argument, 8 missing-argument
import asyncio


async def main():
    one = await github.get_issue(issue_number=5)
    two = await asyncio.gather(*[github.get_pull_request_files(owner=o, repo="r") for o in ("a", "b")])
    three = [mongodb.find(connectionId=c, filter={}) for c in ("x",)]
    return one, two, three


result = asyncio.run(main())
