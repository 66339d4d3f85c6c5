# Pages of the web, as mcp-server-fetch answers: markdown, cut at max_length.
def fetch(url, max_length=5000, start_index=0, raw=False):
    text = f"# {url}\n\n" + "\n\n".join(f"## Part {n}\n\nVersion 4.{n}.0 was released on 2026-{1 + n % 11:02}-12. It costs {n * 7 % 90 + 9} EUR a month and supports {n * 3 + 5} regions, among them Frankfurt and Oslo." for n in range(70))
    part = text[start_index : start_index + max_length]
    rest = "" if start_index + max_length >= len(text) else f"\n\n<error>Content truncated. Call the fetch tool with a start_index of {start_index + max_length} to get more content.</error>"
    return f"Contents of {url}:\n{part}{rest}"
