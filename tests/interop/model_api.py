"""The example `model_api` against a server that speaks both wire formats as the official clients for Python define them.

What the example sends is validated against the request types of the packages `openai` and `anthropic`, also for keys that these do
not have. What it is answered is made of their response types, with the fields that the real interfaces send beside the needed
ones. Before that, the official clients themselves talk to the server, so that it is known to speak the formats.
"""

import json
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anthropic
import openai
from anthropic._constants import ANTHROPIC_API_VERSION
from anthropic.types import Message, message_param, text_block_param, tool_param, tool_result_block_param, tool_use_block_param
from openai.types import chat
from openai.types.chat import ChatCompletion, completion_create_params
from pydantic import TypeAdapter

KEY = "made-up-key"
SUITE = Path(__file__).resolve().parents[2] / "benches/suites/tokens"
TASK = "notion-people"
SCRIPT = "result = [one['name'] for one in notion.API_get_users()['results']]"
# What the model does: two calls in one turn, a script, an answer.
TURNS = [
    [("listToolFiles", {"query": "list users of the workspace"}), ("getToolDocs", {"tool": "notion.API_get_users"})],
    [("executeToolCode", {"code": SCRIPT})],
]
LAST = "Ada, Bo, Chen and Dina."


class Wrong(Exception):
    """What a real interface would refuse."""


def valid(kind, value):
    """Refuses what is no value of this type, and keys that the type does not have."""
    adapter = TypeAdapter(kind)
    read = adapter.dump_python(adapter.validate_python(value), mode="json")
    if isinstance(value, dict) and (unknown := set(value) - set(read)):
        raise Wrong(f"{getattr(kind, '__name__', kind)} has no {unknown}")


def openai_request(body, headers):
    if headers.get("authorization") != f"Bearer {KEY}":
        raise Wrong("401")
    valid(completion_create_params.CompletionCreateParamsNonStreaming, body)
    asked = set()
    for message in body["messages"]:
        kind = {
            "user": chat.ChatCompletionUserMessageParam,
            "assistant": chat.ChatCompletionAssistantMessageParam,
            "tool": chat.ChatCompletionToolMessageParam,
        }[message["role"]]
        valid(kind, message)
        if message["role"] == "assistant":
            asked = {call["id"] for call in message["tool_calls"]}
            for call in message["tool_calls"]:
                valid(chat.ChatCompletionMessageFunctionToolCallParam, call)
        elif message["role"] == "tool":
            asked.remove(message["tool_call_id"])
    if asked:
        raise Wrong(f"calls without a result: {asked}")
    for tool in body.get("tools", []):
        valid(chat.ChatCompletionFunctionToolParam, tool)
    return sum(message["role"] == "assistant" for message in body["messages"])


def openai_answer(turn):
    message = {"role": "assistant", "content": LAST, "refusal": None, "annotations": []}
    if turn < len(TURNS):
        calls = enumerate(TURNS[turn])
        function = lambda name, arguments: {"name": name, "arguments": json.dumps(arguments)}
        message |= {
            "content": None,
            "tool_calls": [{"id": f"call_{turn}{n}", "type": "function", "function": function(*call)} for n, call in calls],
        }
    usage = {
        "prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    reason = "stop" if turn == len(TURNS) else "tool_calls"
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    whole = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return ChatCompletion.model_validate(whole | {"service_tier": "default", "system_fingerprint": "fp"}).model_dump(mode="json", exclude_unset=True)


def anthropic_request(body, headers):
    if headers.get("authorization") != f"Bearer {KEY}" or headers.get("anthropic-version") != ANTHROPIC_API_VERSION:
        raise Wrong("401")
    # The type has its list as something that is read once: its parts are validated one by one.
    known = {"model", "max_tokens", "messages", "tools"}
    if unknown := set(body) - known:
        raise Wrong(f"not expected: {unknown}")
    asked = set()
    for message in body["messages"]:
        valid(message_param.MessageParam, message)
        if isinstance(message["content"], str):
            continue
        for block in message["content"]:
            kinds = {
                "text": text_block_param.TextBlockParam,
                "tool_use": tool_use_block_param.ToolUseBlockParam,
                "tool_result": tool_result_block_param.ToolResultBlockParam,
            }
            valid(kinds[block["type"]], block)
            if block["type"] == "tool_use":
                asked.add(block["id"])
            elif block["type"] == "tool_result":
                asked.remove(block["tool_use_id"])
        if message["role"] == "user" and asked:
            raise Wrong(f"calls without a result: {asked}")
    for tool in body.get("tools", []):
        valid(tool_param.ToolParam, tool)
    return sum(message["role"] == "assistant" for message in body["messages"])


def anthropic_answer(turn):
    blocks = [{"type": "text", "text": LAST if turn == len(TURNS) else "I look.", "citations": None}]
    if turn < len(TURNS):
        blocks += [{"type": "tool_use", "id": f"toolu_{turn}{n}", "name": name, "input": arguments, "caller": {"type": "direct"}} for n, (name, arguments) in enumerate(TURNS[turn])]
    usage = {"input_tokens": 36, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 64, "output_tokens": 10, "service_tier": "standard"}
    reason = "end_turn" if turn == len(TURNS) else "tool_use"
    whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": blocks, "stop_reason": reason, "stop_sequence": None, "usage": usage}
    return Message.model_validate(whole).model_dump(mode="json", exclude_unset=True)


INTERFACES = {"/v1/chat/completions": (openai_request, openai_answer), "/v1/messages": (anthropic_request, anthropic_answer)}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        # The first request of the example meets a limit, as requests do; the clients' own are not asked to wait.
        is_example = "made-up" in body["model"]
        if is_example and not self.server.refused:
            self.server.refused = True
            return self.send(429, {"error": {"type": "rate_limit_error", "message": "wait"}}, {"retry-after": "0"})
        request, answer = INTERFACES[self.path]
        try:
            turn = request(body, {name.lower(): value for name, value in self.headers.items()})
        except Exception as error:
            self.server.wrong.append(repr(error))
            return self.send(400, {"error": {"type": "invalid_request_error", "message": repr(error)}}, {})
        self.server.requests += is_example
        return self.send(200, answer(turn), {})

    def send(self, status, body, headers):
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"content-type": "application/json", "content-length": str(len(text))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def official_clients(url):
    """The server is one that the official clients can talk to."""
    tool = {"type": "object", "properties": {}}
    ask = [{"role": "user", "content": "hi"}]
    of_openai = openai.OpenAI(api_key=KEY, base_url=f"{url}/v1").chat.completions.create(
        model="m", messages=ask, tools=[{"type": "function", "function": {"name": "t", "parameters": tool}}]
    )
    assert [call.function.name for call in of_openai.choices[0].message.tool_calls] == ["listToolFiles", "getToolDocs"]
    of_anthropic = anthropic.Anthropic(api_key=KEY, base_url=url).messages.create(
        model="m", max_tokens=10, messages=ask, tools=[{"name": "t", "input_schema": tool}]
    )
    assert [block.name for block in of_anthropic.content if block.type == "tool_use"] == ["listToolFiles", "getToolDocs"]


def drive(api, example, program, url, server):
    server.refused, server.requests, server.wrong = False, 0, []
    with tempfile.TemporaryDirectory() as folder:
        command = [example, "--api", api, "--url", f"{url}/v1", "--model", "made-up", "--suite", SUITE, "--round", "96", "--filter", TASK, "--out", folder, "--exuvia", program]
        environment = {"MODEL_API_KEY": KEY, "PATH": "/usr/bin:/bin", "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder, "HOME": folder}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert ended.returncode == 0 and not server.wrong, (ended, server.wrong)
        expected = f"{TASK}: 3 requests, 300 input and 30 output tokens: {LAST}\n"
        assert ended.stdout == expected and server.requests == 3, (ended.stdout, server.requests)
        recorded = json.loads(next(Path(folder).glob("96-*.json")).read_text())
        names = [[one["tool"] for one in turn] for turn in recorded["turns"]]
        assert names == [[name for name, _ in turn] for turn in TURNS], names
    print(f"{api}: {expected}", end="")


def main(example, program):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.refused, server.requests, server.wrong = False, 0, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    official_clients(url)
    for api in ("openai", "anthropic"):
        drive(api, example, program, url, server)
    print(f"openai {openai.__version__}, anthropic {anthropic.__version__}: passed")


if __name__ == "__main__":
    main(*sys.argv[1:])
