# A cluster, as kubernetes-mcp-server answers: tables as text.
def pods_list_in_namespace(namespace, **_):
    head = "NAMESPACE   APIVERSION   KIND   NAME                         READY   STATUS             RESTARTS   AGE   IP            NODE     NOMINATED NODE   READINESS GATES   LABELS"
    return head + "\n" + "\n".join(f"{namespace}   v1   Pod   {['web', 'api', 'worker'][n % 3]}-7c9d5-{n:04x}   1/1   {'CrashLoopBackOff' if n % 9 == 4 else 'Running'}   {n * 3 % 11}   {n}d   10.1.0.{n}   node-{n % 4}   <none>   <none>   app={['web', 'api', 'worker'][n % 3]}" for n in range(45))


pods_list = lambda **_: pods_list_in_namespace("default")


def pods_log(name, namespace=None, tail=100, **_):
    return "\n".join(f"2026-11-29T10:{n % 60:02}:00Z {'ERROR' if n % 8 == 0 else 'INFO'} {name} handled request {n}" for n in range(int(tail or 100)))


def namespaces_list(**_):
    return "APIVERSION   KIND   NAME   STATUS   AGE   LABELS\n" + "\n".join(f"v1   Namespace   {name}   Active   90d   team={name}" for name in ("default", "shop", "monitoring"))


def events_list(**_):
    return "The following events (YAML format) were found:\n" + "\n".join(f"- InvolvedObject:\n    Kind: Pod\n    Name: web-{n}\n  Message: Back-off restarting failed container\n  Namespace: shop\n  Reason: BackOff\n  Timestamp: 2026-11-29 10:{n % 60:02}:00 +0000 UTC\n  Type: Warning" for n in range(40))


def pods_top(**_):
    return "NAMESPACE   POD   NAME   CPU(cores)   MEMORY(bytes)\n" + "\n".join(f"shop   {['web', 'api', 'worker'][n % 3]}-{n}   main   {n * 37 % 400}m   {n * 53 % 900}Mi" for n in range(45))


def resources_scale(apiVersion, kind, name, **_):
    return f"# Current resource scale (YAML) is below\napiVersion: {apiVersion}\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n  replicas: 3\n"
