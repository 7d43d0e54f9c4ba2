"""The OpenAI library for Python, and `requests`, as their documentation has them: base URL and key come from the library's
own variables."""

import json
import os
import sys

SIZE = int(os.environ["UPLOAD"])
MESSAGES = [{"role": "user", "content": "count"}]


def with_openai():
    from openai import OpenAI

    client = OpenAI(max_retries=0)
    print("models", ",".join(model.id for model in client.models.list()))
    answer = client.chat.completions.create(model="practice", messages=MESSAGES)
    print("answer", answer.choices[0].message.content)
    parts = client.chat.completions.create(model="practice", messages=MESSAGES, stream=True)
    print("streamed", "|".join(part.choices[0].delta.content for part in parts))
    arrived = client.files.create(file=("f", b"x" * SIZE), purpose="batch").bytes
    assert arrived >= SIZE, arrived
    print("uploaded", SIZE)


def with_requests():
    import requests

    base = os.environ["OPENAI_BASE_URL"]
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {os.environ['OPENAI_API_KEY']}"
    listed = session.get(f"{base}/models")
    listed.raise_for_status()
    assert listed.headers["x-request-id"] == "req-1", listed.headers
    print("models", ",".join(model["id"] for model in listed.json()["data"]))
    asked = {"model": "practice", "messages": MESSAGES}
    print("answer", session.post(f"{base}/chat/completions", json=asked).json()["choices"][0]["message"]["content"])
    parts = []
    with session.post(f"{base}/chat/completions", json={**asked, "stream": True}, stream=True) as reply:
        for line in reply.iter_lines():
            if line.startswith(b"data: {"):
                parts.append(json.loads(line[6:])["choices"][0]["delta"]["content"])
    print("streamed", "|".join(parts))
    pieces = (b"x" * 65536 for _ in range(SIZE // 65536))
    arrived = session.post(f"{base}/files", data=pieces).json()["bytes"]
    assert arrived == SIZE, arrived
    print("uploaded", SIZE)


{"openai": with_openai, "requests": with_requests}[sys.argv[1]]()
