"""Stored answers and evaluations in any order: what was made is found until it is deleted, then nothing knows it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests import contract
from tests.api.openai import judging
from tests.api.openai.asking import CHAT, Asking, choice, go_through
from tests.api.openai.seeds import EVAL, RUN
from tests.tiers import trials

ENOUGH = 50
"""With so many sequences every operation comes to be answered with 2xx."""
GUARD_S = 60.0
OVER = ("completed", "incomplete", "cancelled")
RUNS = "/evals/{eval_id}/runs"
ITEMS = f"{RUNS}/{{run_id}}/output_items"


@dataclass
class Run:
    eval_id: str
    items: list[str] = field(default_factory=list)

    def path(self, run_id: str) -> dict[str, str]:
        return {"eval_id": self.eval_id, "run_id": run_id}


class Answers(Asking):
    """The client's account: conversations with their metadata, responses with what came before, evaluations with their runs."""

    lists = ("GET /chat/completions", "GET /evals")

    def __init__(self) -> None:
        super().__init__()
        self.chats: dict[str, dict[str, str]] = {}
        self.responses: dict[str, str | None] = {}
        """The response that each goes on from."""
        self.in_background: set[str] = set()
        self.evals: dict[str, str] = {}
        self.runs: dict[str, Run] = {}

    @rule(team=st.sampled_from(["a", "b", "\N{LATIN SMALL LETTER E WITH ACUTE}\N{GRINNING FACE}"]))
    def store_a_chat(self, team: str) -> None:
        body = {**CHAT, "model": "tiny", "store": True, "metadata": {"team": team}}
        self.chats[self.get("POST /chat/completions", body=body)["id"]] = {"team": team}

    @rule()
    def what_is_not_to_be_stored_is_not(self) -> None:
        made = self.get("POST /chat/completions", body={**CHAT, "model": "tiny"})["id"]
        self.refuse(404, "GET /chat/completions/{completion_id}", {"completion_id": made})
        made = self.get("POST /responses", body={"model": "tiny", "input": "x", "max_output_tokens": 16, "store": False})["id"]
        self.refuse(404, "GET /responses/{response_id}", {"response_id": made})

    @precondition(lambda self: self.chats)
    @rule(number=st.integers(0, 99))
    def read_a_chat(self, number: int) -> None:
        completion_id = choice(self.chats, number)
        path = {"completion_id": completion_id}
        assert self.get("GET /chat/completions/{completion_id}", path)["metadata"] == self.chats[completion_id]
        messages = self.get("GET /chat/completions/{completion_id}/messages", path)["data"]
        assert [one["content"] for one in messages] == ["hello"]

    @precondition(lambda self: self.chats)
    @rule(number=st.integers(0, 99), team=st.sampled_from(["a", "b", "c"]))
    def change_a_chat(self, number: int, team: str) -> None:
        completion_id = choice(self.chats, number)
        self.chats[completion_id] = {"team": team}
        self.get("POST /chat/completions/{completion_id}", {"completion_id": completion_id}, {"metadata": {"team": team}})

    @precondition(lambda self: self.chats)
    @rule(number=st.integers(0, 99))
    def delete_a_chat(self, number: int) -> None:
        completion_id = choice(self.chats, number)
        one = "/chat/completions/{completion_id}"
        self.delete(f"DELETE {one}", {"completion_id": completion_id}, f"GET {one}", f"GET {one}/messages")
        self.refuse(404, f"POST {one}", {"completion_id": completion_id}, {"metadata": {"team": "z"}})
        del self.chats[completion_id]

    @rule(number=st.integers(0, 99), goes_on=st.booleans(), background=st.booleans())
    def respond(self, number: int, goes_on: bool, background: bool) -> None:
        earlier = choice(self.responses, number) if goes_on and self.responses else None
        body = {"model": "tiny", "input": f"say {number}", "max_output_tokens": 16, "store": True, "background": background}
        if earlier is not None:
            body["previous_response_id"] = earlier
        if not self.whole(earlier):
            self.refuse(400, "POST /responses", body=body)
            return
        made = self.get("POST /responses", body=body)
        assert made["previous_response_id"] == earlier
        self.responses[made["id"]] = earlier
        if background:
            self.in_background.add(made["id"])
            if number % 3 == 0:  # at any moment of its life
                assert self.get("POST /responses/{response_id}/cancel", {"response_id": made["id"]})["status"] in OVER
            self.until_over(made["id"])

    def until_over(self, response_id: str) -> None:
        deadline = time.monotonic() + GUARD_S
        while (status := self.get("GET /responses/{response_id}", {"response_id": response_id})["status"]) not in OVER:
            assert time.monotonic() < deadline, status
            time.sleep(0.01)

    def whole(self, response_id: str | None) -> bool:
        """Whether nothing of the conversation that ends here was deleted."""
        while response_id is not None:
            if response_id not in self.responses:
                return False
            response_id = self.responses[response_id]
        return True

    @precondition(lambda self: self.responses)
    @rule(number=st.integers(0, 99))
    def read_a_response(self, number: int) -> None:
        path = {"response_id": choice(self.responses, number)}
        assert self.get("GET /responses/{response_id}", path)["previous_response_id"] == self.responses[path["response_id"]]
        items = self.get("GET /responses/{response_id}/input_items", path)["data"]
        assert [(one["role"], one["content"][0]["text"][:4]) for one in items] == [("user", "say ")]
        if path["response_id"] in self.in_background:  # one that is over stays as it is
            before = self.get("GET /responses/{response_id}", path)
            assert self.get("POST /responses/{response_id}/cancel", path) == before
        else:
            self.refuse(400, "POST /responses/{response_id}/cancel", path)

    @precondition(lambda self: self.responses)
    @rule(number=st.integers(0, 99))
    def delete_a_response(self, number: int) -> None:
        response_id = choice(self.responses, number)
        one = "/responses/{response_id}"
        followers = (f"GET {one}", f"GET {one}/input_items", f"POST {one}/cancel")
        self.delete(f"DELETE {one}", {"response_id": response_id}, *followers)
        del self.responses[response_id]

    @rule()
    def make_an_evaluation(self) -> None:
        self.evals[self.get("POST /evals", body=EVAL)["id"]] = ""

    @precondition(lambda self: self.evals)
    @rule(number=st.integers(0, 99))
    def rename_an_evaluation(self, number: int) -> None:
        eval_id, name = choice(self.evals, number), f"name {number}"
        assert self.get("POST /evals/{eval_id}", {"eval_id": eval_id}, {"name": name})["name"] == name
        self.evals[eval_id] = name

    @precondition(lambda self: self.evals)
    @rule(number=st.integers(0, 99))
    def run_an_evaluation(self, number: int) -> None:
        run = Run(choice(self.evals, number))
        run_id = self.get(f"POST {RUNS}", {"eval_id": run.eval_id}, RUN)["id"]
        deadline = time.monotonic() + GUARD_S
        while (status := self.get(f"GET {RUNS}/{{run_id}}", run.path(run_id))["status"]) in ("queued", "in_progress"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert status == "completed"
        run.items = [one["id"] for one in self.get(f"GET {ITEMS}", run.path(run_id))["data"]]
        assert len(run.items) == 1
        self.runs[run_id] = run

    @precondition(lambda self: self.runs)
    @rule(number=st.integers(0, 99))
    def read_a_run(self, number: int) -> None:
        run_id = choice(self.runs, number)
        run = self.runs[run_id]
        item = self.get(f"GET {ITEMS}/{{output_item_id}}", {**run.path(run_id), "output_item_id": run.items[0]})
        assert (item["run_id"], item["eval_id"], item["status"]) == (run_id, run.eval_id, "pass")
        assert self.get(f"POST {RUNS}/{{run_id}}", run.path(run_id))["status"] == "completed"
        others = [eval_id for eval_id in self.evals if eval_id != run.eval_id]
        if others:
            self.refuse(404, f"GET {RUNS}/{{run_id}}", {"eval_id": choice(others, number), "run_id": run_id})

    @precondition(lambda self: self.runs)
    @rule(number=st.integers(0, 99))
    def delete_a_run(self, number: int) -> None:
        run_id = choice(self.runs, number)
        run = self.runs.pop(run_id)
        one = f"{RUNS}/{{run_id}}"
        self.delete(f"DELETE {one}", run.path(run_id), f"GET {one}", f"POST {one}", f"GET {ITEMS}")
        self.refuse(404, f"GET {ITEMS}/{{output_item_id}}", {**run.path(run_id), "output_item_id": run.items[0]})

    @precondition(lambda self: self.evals)
    @rule(number=st.integers(0, 99))
    def delete_an_evaluation(self, number: int) -> None:
        """With its runs."""
        eval_id = choice(self.evals, number)
        self.delete("DELETE /evals/{eval_id}", {"eval_id": eval_id}, "GET /evals/{eval_id}", f"GET {RUNS}")
        self.refuse(404, f"POST {RUNS}", {"eval_id": eval_id}, RUN)
        del self.evals[eval_id]
        for run_id in [one for one, run in self.runs.items() if run.eval_id == eval_id]:
            path = self.runs.pop(run_id).path(run_id)
            self.refuse(404, f"GET {RUNS}/{{run_id}}", path)
            self.gone.append((f"GET {ITEMS}", path))

    @rule()
    def everything_is_listed(self) -> None:
        assert self.listed("GET /chat/completions") == list(self.chats)
        by_team = self.get("GET /chat/completions", query={"limit": 100, "metadata[team]": "a"})["data"]
        assert [one["id"] for one in by_team] == [one for one, metadata in self.chats.items() if metadata["team"] == "a"]
        assert self.listed("GET /evals") == list(self.evals)
        for eval_id, name in self.evals.items():
            assert self.get("GET /evals/{eval_id}", {"eval_id": eval_id})["name"] == name
            runs = [one for one, run in self.runs.items() if run.eval_id == eval_id]
            assert self.listed(f"GET {RUNS}", {"eval_id": eval_id}) == runs

    def teardown(self) -> None:
        self.everything_is_listed()


@pytest.fixture(scope="module")
def api() -> schemathesis.BaseSchema:
    return judging.load()


@trials(small=10, gate=70, night=5000)
def test_what_was_stored_is_found_until_it_is_deleted(api: Any, server: str, trials: int) -> None:
    reached = go_through(Answers, api, server, trials)
    wanted = {name for name in contract.operations() if name.split(" ")[1].startswith(("/chat", "/responses", "/evals"))}
    assert trials < ENOUGH or wanted <= reached, wanted - reached
