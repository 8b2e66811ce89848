"""Together's official client and CLI against the simulator: what they show must be what it holds.

Run by .ci/sdk: client.py CONTROL-URL CLUSTER-ID, with TOGETHER_BASE_URL and TOGETHER_API_KEY set.
"""

import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

from together import Together

CONTROL, CLUSTER = sys.argv[1:]
BASE, KEY = os.environ["TOGETHER_BASE_URL"], os.environ["TOGETHER_API_KEY"]
TG = Path(sys.executable).with_name("tg")
REMEDIATIONS = f"/v1/compute/clusters/{CLUSTER}/instances/-/remediations"
PAGE = 7

client = Together(max_retries=0, timeout=20)


def call(url, body=None):
    """A plain HTTP call: POST where there is a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return micros(json.loads(answer.read() or "null"))


def micros(value):
    """The value with times to the microsecond: Python's times have no nanoseconds."""
    if isinstance(value, dict):
        return {key: micros(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [micros(inner) for inner in value]
    time = isinstance(value, str) and re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z", value)
    return f"{time[1]}.{(time[2] or '').ljust(6, '0')[:6]}Z" if time else value


def held(wanted=lambda _: True):
    """What the simulator holds, by its control interface, in the order of the API: newest first."""
    truth = call(f"{CONTROL}/clusters/{CLUSTER}/remediations")
    found = [item for item in truth if wanted(item)]
    return sorted(found, key=lambda item: (item["create_time"], item["id"]), reverse=True)


def plain(model):
    """A model of the client as the API wrote it."""
    return micros(model.to_dict(mode="json"))


def walk(instance="-", **question):
    """All pages of the client, by next_page_token."""
    items, token = [], {}
    for _ in range(100):
        page = client.clusters.remediations.list(
            instance, cluster_id=CLUSTER, page_size=PAGE, **token, **question
        )
        size = len(page.remediations)
        assert size == PAGE or (size < PAGE and not page.has_next), f"page_size={PAGE}, but a page has {size}"
        items += [plain(item) for item in page.remediations]
        if not page.has_next:
            return items
        token = {"page_token": page.next_page_token}
    raise AssertionError("the pages do not end")


def tg(*words):
    """What a command of the CLI prints as JSON."""
    done = subprocess.run([TG, *words, "--json"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"tg {' '.join(words)}: exit {done.returncode}: {done.stdout}{done.stderr}"
    return micros(json.loads(done.stdout))


def tg_list(*words):
    """All pages of the CLI, by --after; the CLI asks for no page size."""
    items, after = [], []
    for pages in range(1, 10):
        page = tg("clusters", "remediations", "ls", CLUSTER, *words, *after)
        items += page["remediations"]
        if not page["has_next"]:
            return items, pages
        after = ["--after", page["next_page_token"]]
    raise AssertionError("the pages do not end")


def same(got, expected):
    """Two lists of remediations agree: order, and every field. A filter that fits none or all shows nothing."""
    assert 0 < len(expected), "the simulator holds nothing of the kind"
    ids = [[item["id"] for item in items] for items in (got, expected)]
    assert ids[0] == ids[1], f"{len(ids[0])} remediations, not the expected {len(ids[1])}, or in another order"
    for one, other in zip(got, expected):
        assert one == other, f"got {one}, expected {other}"


def some_of(field, count=2):
    """The commonest values of this field in the simulator, never all that it holds."""
    values = [item[field] for item in held()]
    kinds = sorted(set(values), key=lambda value: (values.count(value), value))
    assert len(kinds) > count, f"the simulator holds too few kinds of {field}: {kinds}"
    return kinds[-count:]


def client_pages():
    same(walk(), held())


def client_states():
    states = some_of("state")
    same(walk(state=states), held(lambda item: item["state"] in states))


def client_one_state():
    states = some_of("state", 1)
    same(walk(state=states), held(lambda item: item["state"] in states))


def client_no_state():
    same(walk(state=[]), held())


def client_modes():
    modes = some_of("mode")
    same(walk(mode=modes), held(lambda item: item["mode"] in modes))


def client_triggers():
    (trigger,) = some_of("trigger", 1)
    same(walk(trigger=[trigger]), held(lambda item: item["trigger"] == trigger))


def client_order():
    expected = sorted(held(), key=lambda item: (item["update_time"], item["id"]))
    same(walk(order_by="update_time asc"), expected)


def client_instance():
    instance = held()[0]["instance_id"]
    same(walk(instance), held(lambda item: item["instance_id"] == instance))


def client_retrieve():
    for item in held()[:PAGE]:
        found = client.clusters.remediations.retrieve(
            item["id"], cluster_id=CLUSTER, instance_id=item["instance_id"]
        )
        same([plain(found)], [item])


def client_approve():
    waiting = held(lambda item: item["state"] == "PENDING_APPROVAL")[0]
    approved = client.clusters.remediations.approve(
        waiting["id"], cluster_id=CLUSTER, instance_id=waiting["instance_id"], comment="go"
    )
    (now,) = held(lambda item: item["id"] == waiting["id"])
    assert (now["state"], now["review_comment"]) == ("PENDING", "go"), now
    same([plain(approved)], [now])


def plain_http():
    first, second = some_of("state")
    expected = held(lambda item: item["state"] in (first, second))[:PAGE]
    for size in (f"pageSize={PAGE}", f"page_size={PAGE}"):
        for state in (f"state={first}&state={second}", f"state={first},{second}", f"state={first},{first}&state={second}"):
            same(call(f"{BASE}{REMEDIATIONS}?{size}&{state}")["remediations"], expected)


def cli_pages():
    items, pages = tg_list()
    assert pages > 1, "one page: the simulator holds too little"
    same(items, held())


def cli_filters():
    states, modes, (trigger,) = some_of("state"), some_of("mode"), some_of("trigger", 1)
    words = [word for state in states for word in ("--state", state)]
    same(tg_list(*words)[0], held(lambda item: item["state"] in states))
    words = [word for mode in modes for word in ("--mode", mode.replace("REMEDIATION_MODE_", ""))]
    same(tg_list(*words)[0], held(lambda item: item["mode"] in modes))
    words = ["--trigger", trigger.replace("REMEDIATION_TRIGGER_", "")]
    same(tg_list(*words)[0], held(lambda item: item["trigger"] == trigger))


def cli_get():
    oldest = held()[-1]
    same([tg("clusters", "remediations", "get", oldest["id"])], [oldest])


def cli_approve():
    waiting = held(lambda item: item["state"] == "PENDING_APPROVAL")[-1]
    tg("clusters", "remediations", "approve", waiting["id"], "--comment", "go")
    (now,) = held(lambda item: item["id"] == waiting["id"])
    assert (now["state"], now["review_comment"]) == ("PENDING", "go"), now


CHECKS = {
    "client: all pages by page_size": client_pages,
    "client: state with two values": client_states,
    "client: state with one value": client_one_state,
    "client: state with no value": client_no_state,
    "client: mode with two values": client_modes,
    "client: trigger": client_triggers,
    "client: order_by": client_order,
    "client: one instance": client_instance,
    "client: retrieve by id": client_retrieve,
    "client: approve": client_approve,
    "plain HTTP: both spellings, all forms of state": plain_http,
    "CLI: all pages by --after": cli_pages,
    "CLI: --state, --mode, --trigger": cli_filters,
    "CLI: get": cli_get,
    "CLI: approve": cli_approve,
}


def main():
    # Remediations in many states; the clock then stands still.
    call(f"{CONTROL}/advance", {"seconds": 360})
    print(f"the simulator holds {len(held())} remediations")
    failed = 0
    for name, check in CHECKS.items():
        try:
            check()
            print(f"ok      {name}")
        except Exception as error:  # whatever it is, the check failed
            failed += 1
            print(f"FAILED  {name}: {type(error).__name__}: {error}")
    if failed:
        sys.exit(f"{failed} of {len(CHECKS)} checks failed")


main()
