# A browser, as @playwright/mcp answers: markdown with the page's accessibility tree.
def snapshot(url):
    rows = "\n".join(f"      - row \"Item {n} EUR {n * 17 % 90 + 5}\" [ref=e{10 + n * 4}]:\n        - cell \"Item {n}\" [ref=e{11 + n * 4}]\n        - cell \"EUR {n * 17 % 90 + 5}\" [ref=e{12 + n * 4}]\n        - button \"Add to cart\" [ref=e{13 + n * 4}] [cursor=pointer]" for n in range(40))
    return f"### Page\n- Page URL: {url}\n- Page Title: Shop\n### Snapshot\n```yaml\n- generic [active] [ref=e1]:\n  - banner [ref=e2]: Shop\n  - main [ref=e3]:\n    - table [ref=e4]:\n{rows}\n```"


def browser_navigate(url):
    return f"### Ran Playwright code\n```js\nawait page.goto('{url}');\n```\n{snapshot(url)}"


def browser_snapshot(**_):
    return snapshot("https://shop.example/items")


def browser_click(target, **_):
    return f"### Ran Playwright code\n```js\nawait page.locator('aria-ref={target}').click();\n```\n{snapshot('https://shop.example/cart')}"


def browser_evaluate(function, **_):
    import json

    return "### Result\n" + json.dumps([{"name": f"Item {n}", "price": n * 17 % 90 + 5} for n in range(40)]) + f"\n### Ran Playwright code\n```js\nawait page.evaluate('{function}');\n```"


def browser_console_messages(level, **_):
    return "### Result\n" + "\n".join(f"[ERROR] Failed to load resource: the server responded with a status of {['404', '500'][n % 2]} () @ https://shop.example/asset{n}.js:0" for n in range(25))


def browser_type(target, text, **_):
    return snapshot("https://shop.example/search")


def browser_take_screenshot(**_):
    return "### Result\nScreenshot saved"


def browser_close():
    return "### Result\nNo open tabs"


def browser_network_requests(static, **_):
    statuses = [200, 200, 404, 200, 500, 304]
    return "### Result\n" + "\n".join(f"{n + 1}. [GET] https://shop.example/asset{n}.js => [{statuses[n % 6]}] " for n in range(24))
