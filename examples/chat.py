"""Ask a panel with the official Python package `openai`, unchanged: whole, then streamed.

    pip install openai
    python examples/chat.py [http://127.0.0.1:8700]
"""

import sys

from openai import OpenAI

base = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8700"
client = OpenAI(base_url=f"{base}/v1", api_key="none needed on loopback")
question = [{"role": "user", "content": "What is the capital of France?"}]

reply = client.chat.completions.create(model="quorum", messages=question)
agreement = reply.model_extra["althing"]["agreement"]
print(reply.choices[0].message.content)
print(f"{agreement['answered']} of {agreement['asked']} answered, reached: {agreement['reached']}")

for chunk in client.chat.completions.create(model="quorum", messages=question, stream=True):
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
