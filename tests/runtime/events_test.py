"""events: statistics in runc's form, out-of-memory events, the end with the container."""
import json
import subprocess
import time

import pytest
from box import CGROUPS, TIMEOUT_S, cgroup_v1


def stats(one):
    return json.loads(one.runtime("events", "--stats", one.id).ok())


@pytest.fixture
def busy(box):
    one = box("sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; touch /done; sleep 1000")
    one.linux["resources"]["pids"] = {"limit": 50}
    one.detached()
    return one


def test_stats_have_runcs_schema(busy):
    busy.wait_status("running")
    one = busy.runtime("events", "--stats", busy.id).ok()
    assert one.endswith("}\n") and one.count("\n") == 1
    event = json.loads(one)
    assert event["type"] == "stats" and event["id"] == busy.id
    data = event["data"]
    assert set(data) == {"cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"}
    assert data["intel_rdt"] == {} and data["network_interfaces"] is None
    usage = data["cpu"]["usage"]
    assert {"kernel", "user"} <= set(usage) <= {"total", "percpu", "percpu_kernel", "percpu_user", "kernel", "user"}
    assert set(data["cpu"]) <= {"usage", "throttling", "psi"}
    for counter in set(data["memory"]) & {"usage", "swap", "kernel", "kernelTCP"}:
        assert {"limit", "failcnt"} <= set(data["memory"][counter]) <= {"limit", "usage", "max", "failcnt"}
    for pages in data["hugetlb"].values():
        assert "failcnt" in pages and set(pages) <= {"usage", "max", "failcnt"}
    assert {"cpu_exclusive", "sched_relax_domain_level"} <= set(data["cpuset"])


def test_stats_are_the_kernels(busy):
    (busy.root / "done").exists() or busy.wait_status("running")
    data = stats(busy)["data"]
    assert data["pids"]["current"] >= 1
    if cgroup_v1("pids") or (CGROUPS / "cgroup.controllers").exists():
        assert data["pids"]["limit"] == 50
    if cgroup_v1("cpuacct"):
        kernel = int((CGROUPS / "cpuacct" / busy.cgroup.lstrip("/") / "cpuacct.usage").read_text())
        assert 0 < data["cpu"]["usage"]["total"] <= kernel
        assert sum(data["cpu"]["usage"]["percpu"]) == pytest.approx(data["cpu"]["usage"]["total"], rel=0.2)
        assert len(data["cpu"]["usage"]["percpu_user"]) == len(data["cpu"]["usage"]["percpu_kernel"]) > 0
    if cgroup_v1("memory"):
        folder = CGROUPS / "memory" / busy.cgroup.lstrip("/")
        assert data["memory"]["usage"]["limit"] == int((folder / "memory.limit_in_bytes").read_text())
        assert data["memory"]["usage"]["usage"] > 0 and "rss" in data["memory"]["raw"]
    if cgroup_v1("cpuset"):
        folder = CGROUPS / "cpuset" / busy.cgroup.lstrip("/")
        first = int((folder / "cpuset.cpus").read_text().split("-")[0].split(",")[0])
        assert data["cpuset"]["cpus"][0] == first


def test_stream_by_interval_until_the_end(box):
    one = box("sleep", "1000")
    one.detached()
    with subprocess.Popen([str(w) for w in one.argv("events", "--interval", "100ms", one.id)],
                          stdout=subprocess.PIPE, text=True) as child:
        start = time.monotonic()
        lines = [json.loads(child.stdout.readline()) for _ in range(3)]
        assert 0.25 < time.monotonic() - start < 5
        assert {line["type"] for line in lines} == {"stats"}
        one.kill("KILL").ok()
        assert child.wait(TIMEOUT_S) == 0


def test_out_of_memory_is_an_event(box):
    if not cgroup_v1("memory"):
        pytest.skip("no memory controller of cgroup v1")
    one = box("sh", "-c", "while [ ! -e /go ]; do sleep 0.05; done; exec dd if=/dev/zero of=/dev/null bs=200M count=1")
    one.linux["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
    one.detached()
    with subprocess.Popen([str(w) for w in one.argv("events", "--interval", "1h", one.id)],
                          stdout=subprocess.PIPE, text=True) as child:
        time.sleep(0.3)
        (one.root / "go").touch()
        assert json.loads(child.stdout.readline()) == {"type": "oom", "id": one.id}
        assert child.wait(TIMEOUT_S) == 0


@pytest.mark.parametrize("interval", ["0s", "soon", "-1s", "5"])
def test_wrong_interval(busy, interval):
    busy.runtime("events", f"--interval={interval}", busy.id).failed("--interval")


def test_of_what_does_not_run(box):
    one = box("true")
    one.runtime("events", one.id).failed("does not exist")
    one.detached("--keep")
    one.wait_status("stopped")
    one.runtime("events", "--stats", one.id).failed("not running", one.id)


def test_reader_that_goes_away(box):
    one = box("sleep", "1000")
    one.detached()
    child = subprocess.Popen([str(w) for w in one.argv("events", "--interval", "10ms", one.id)],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    child.stdout.readline()
    child.stdout.close()
    assert child.wait(TIMEOUT_S) != 0
