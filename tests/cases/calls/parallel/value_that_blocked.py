#: outcome: returned
#: result: [true, true, "xyz", 3, 3, [3, "xyz"], "None"]
import asyncio, re

def contacts():
    found = crm.get_contacts()
    return found

found, nothing, text = contacts(), lab.echo(value=None), lab.echo(value="xyz")
match await asyncio.wait_for(nothing, 1):
    case None: matched = "None"
again = await contacts()
task = asyncio.create_task(found)
gathered = await asyncio.gather(task, text)
result = [type(found) is dict, nothing is None, re.search("x", text).string, (await found)["total"], again["total"],
          [gathered[0]["total"], gathered[1]], matched]
