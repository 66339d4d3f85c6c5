# tools: everything.get-env
"""Looks around before it calls."""
print(dir(mcp))
print(len(dir(github)), "tools of github, such as", [name for name in dir(github) if "pull" in name][:5])
help(everything.get_env)
print(f"{everything} {everything.get_env}")
if hasattr(everything, "get_env"):
    environment = everything.get_env()
else:
    environment = {}
result = sorted(environment) if isinstance(environment, dict) else str(environment)[:100]
