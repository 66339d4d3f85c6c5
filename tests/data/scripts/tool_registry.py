# tools: filesystem.list_directory, filesystem.read_text_file
class ToolRegistry:
    def __init__(self):
        self._tools = {}

    def register(self, name, fn, description=""):
        self._tools[name] = {"fn": fn, "description": description}

    def call(self, name, **kwargs):
        entry = self._tools.get(name)
        if not entry:
            return {"error": f"unknown tool {name}"}
        return entry["fn"](**kwargs)


registry = ToolRegistry()
registry.register("read", filesystem.read_text_file, "reads")
registry.register("list", filesystem.list_directory, "lists")
result = [registry.call("list", path="/"), registry.call("read", path="/a.txt")]
