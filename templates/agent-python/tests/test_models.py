import json
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer

from triage.models import Anthropic, ModelUnavailable, OpenAI, models_from_environment

SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


class Provider(BaseHTTPRequestHandler):
    """Answers what the test has put down, and keeps the request."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append((self.path, self.headers, json.loads(body)))
        status, answer = self.server.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class OverHttp(unittest.TestCase):
    def setUp(self):
        self.server = HTTPServer(("127.0.0.1", 0), Provider)
        self.server.requests = []
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(self.server.shutdown)

    def answer(self, status, body):
        self.server.answer = (status, body if isinstance(body, bytes) else json.dumps(body).encode())

    def test_openai(self):
        text = {"type": "output_text", "text": "{}"}
        self.answer(200, {"output": [{"type": "reasoning"}, {"type": "message", "content": [text]}]})
        self.assertEqual(OpenAI(f"{self.url}/v1", "k", "m").ask("Do it.", "This.", SCHEMA), "{}")
        path, headers, body = self.server.requests[0]
        self.assertEqual((path, headers["authorization"], body["model"]), ("/v1/responses", "Bearer k", "m"))

    def test_anthropic(self):
        self.answer(200, {"content": [{"type": "thinking"}, {"type": "text", "text": "{}"}]})
        self.assertEqual(Anthropic(self.url, "k", "m").ask("Do it.", "This.", SCHEMA), "{}")
        path, headers, body = self.server.requests[0]
        self.assertEqual((path, headers["x-api-key"], body["model"]), ("/v1/messages", "k", "m"))

    def test_a_refusal_is_told_in_the_providers_words(self):
        self.answer(429, {"error": {"message": "The budget is spent."}})
        for model in (OpenAI(f"{self.url}/v1", "k", "m"), Anthropic(self.url, "k", "m")):
            with self.subTest(model.name), self.assertRaisesRegex(ModelUnavailable, "429: The budget is spent"):
                model.ask("Do it.", "This.", SCHEMA)

    def test_an_answer_that_is_no_object(self):
        for body in (b"<html>", b"[]"):
            self.answer(200, body)
            with self.subTest(body), self.assertRaises(ModelUnavailable):
                OpenAI(f"{self.url}/v1", "k", "m").ask("Do it.", "This.", SCHEMA)

    def test_a_server_that_is_not_there(self):
        with self.assertRaises(ModelUnavailable):
            OpenAI("http://127.0.0.1:9/v1", "k", "m").ask("Do it.", "This.", SCHEMA)


class FromEnvironment(unittest.TestCase):
    def test_takes_those_that_are_set_as_a_whole(self):
        environment = {
            "OPENAI_BASE_URL": "http://there/v1",
            "ANTHROPIC_BASE_URL": "http://there",
            "ANTHROPIC_API_KEY": "k",
            "ANTHROPIC_MODEL": "m",
        }
        self.assertEqual(models_from_environment(environment), [Anthropic("http://there", "k", "m")])
        self.assertEqual(models_from_environment({}), [])


if __name__ == "__main__":
    unittest.main()
