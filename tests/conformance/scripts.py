"""The script that each scenario of the client side needs: which tools it calls."""

INVALID = (
    "invalid_empty_header invalid_object_header invalid_array_header invalid_null_header invalid_number_header "
    "invalid_duplicate_same_case invalid_duplicate_diff_case invalid_space_in_name invalid_colon_in_name "
    "invalid_non_ascii_name invalid_control_char_name"
).split()

# Looks at the tools, and calls none.
LOOK = "print(dir(suite))"

# Calls every tool that the server lists and that is there, however it answers.
CALLS = """
for name, given in {calls!r}:
    try:
        print(name, getattr(suite, name)(**given))
    except Exception as error:
        print(name, type(error).__name__, error)
"""

# The scenarios in which the server asks its user something.
ASKED = ("elicitation-sep1034-client-defaults", "sep-2322-client-request-state")

SCRIPTS = {
    "tools_call": "print(suite.add_numbers(a=5, b=3))",
    "elicitation-sep1034-client-defaults": "print(suite.test_client_elicitation_defaults())",
    # The scenario takes the stream on which the gateway listens for a resumed one: that is opened before the call is made.
    "sse-retry": "await asyncio.sleep(0.5)\nprint(suite.test_reconnection())",
    "sep-2322-client-request-state": CALLS.format(
        calls=[
            (f"test_mrtr_{name}", {})
            for name in ("echo_state", "unrelated", "no_state", "unrelated", "no_result_type")
        ]
    ),
    "http-standard-headers": "print(suite.test_headers(), suite.my_hyphenated_tool())",
    "http-invalid-tool-headers": CALLS.format(
        calls=[
            ("valid_tool", {"region": "eu"}),
            *((name, {"value": "x"}) for name in INVALID),
        ]
    ),
}


def script_for(scenario, context):
    if "toolCalls" in context:
        return CALLS.format(calls=[(call["name"], given(call["arguments"])) for call in context["toolCalls"]])
    if scenario.startswith("auth/"):
        return "print(suite.test_tool())"
    return SCRIPTS.get(scenario, LOOK)


def given(arguments):
    """A null stands for an argument that is not given; the schemas allow no null."""
    return {name: value for name, value in arguments.items() if value is not None}
