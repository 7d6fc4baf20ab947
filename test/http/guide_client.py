"""The REST guide's Python client, line by line, with urllib in place of httpx."""

import json
import sys
import urllib.request


class TaskiqFlowClient:
    def __init__(self, base_url: str, api_key: str = None):
        self.base_url = base_url.rstrip("/")
        self.headers = {"X-API-Key": api_key} if api_key else {}

    def list_pipelines(self):
        request = urllib.request.Request(f"{self.base_url}/pipelines", headers=self.headers)
        with urllib.request.urlopen(request) as resp:  # raises for any status that is an error
            return json.load(resp)

    def execute(self, pipeline_id: str, parameters: dict, wait: bool = False):
        request = urllib.request.Request(
            f"{self.base_url}/pipelines/{pipeline_id}/execute",
            data=json.dumps({"parameters": parameters, "wait": wait}).encode(),
            headers={**self.headers, "Content-Type": "application/json"},  # what httpx sends for json=
            method="POST",
        )
        with urllib.request.urlopen(request) as resp:
            return json.load(resp)

    def get_result(self, task_id: str):
        request = urllib.request.Request(f"{self.base_url}/pipelines/result/{task_id}", headers=self.headers)
        with urllib.request.urlopen(request) as resp:
            return json.load(resp)


# Usage
client = TaskiqFlowClient(sys.argv[1], api_key=sys.argv[2] if len(sys.argv) > 2 else None)
pipelines = client.list_pipelines()
result = client.execute("my_pipeline", {"data": "test"}, wait=True)
started = client.execute("my_pipeline", {"data": "later"})
fetched = client.get_result(result["task_id"])
print(json.dumps({"pipelines": pipelines, "result": result, "started": started, "fetched": fetched}))
