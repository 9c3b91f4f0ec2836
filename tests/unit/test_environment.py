"""The machine and the software: versions also where ONNX Runtime was installed under another name."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import onnxruntime
import pytest
from click.testing import CliRunner

from fillmask import environment
from fillmask.bench import machine
from fillmask.cli.main import main


@pytest.fixture
def gpu_package(monkeypatch):
    """ONNX Runtime's module is there, and no package of its name: as after installing onnxruntime-gpu in its place."""

    def found(package):
        if package == "onnxruntime":
            raise PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr(environment, "version", found)


ROLLUP = """55d0c5a5b000-7ffd7f9f2000 ---p 00000000 00:00 0    [rollup]
Rss:              121092 kB
Pss:               85000 kB
Pss_Dirty:         40000 kB
"""
STATUS = "Name:\tpython\nVmPeak:\t  999999 kB\nVmHWM:\t  131072 kB\nVmRSS:\t  121092 kB\n"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


@pytest.fixture
def proc(tmp_path, monkeypatch):
    """A /proc and a cgroup of our own."""
    (tmp_path / "self").mkdir()
    monkeypatch.setattr(environment, "_PROC", tmp_path)
    monkeypatch.setattr(environment, "_CGROUP", tmp_path)
    environment._cpuinfo.cache_clear()
    yield tmp_path
    environment._cpuinfo.cache_clear()


def test_versions_are_those_of_the_packages():
    assert environment.versions(["numpy", "tokenizers"]) == {name: version(name) for name in ("numpy", "tokenizers")}


def test_a_package_that_is_missing_is_an_error():
    with pytest.raises(PackageNotFoundError, match="no-such-package"):
        environment.versions(["no-such-package"])


@pytest.mark.usefixtures("gpu_package")
def test_onnxruntime_under_another_name_is_found():
    assert environment.versions(["onnxruntime"]) == {"onnxruntime": onnxruntime.__version__}
    assert machine.facts()["packages"]["onnxruntime"] == onnxruntime.__version__


@pytest.mark.usefixtures("gpu_package")
def test_an_export_names_the_version_of_onnxruntime_under_another_name():
    manifest = pytest.importorskip("fillmask_export.manifest", exc_type=ImportError)
    assert manifest.tools()["onnxruntime"] == onnxruntime.__version__


@pytest.mark.usefixtures("gpu_package")
def test_info_works_with_onnxruntime_under_another_name():
    shown = CliRunner().invoke(main, ["info"])
    assert shown.exit_code == 0, shown.output
    assert f"onnxruntime {onnxruntime.__version__}" in shown.output


def test_the_cpu_is_that_of_the_first_core_and_only_flags_that_matter_are_kept(proc):
    core = "processor : {}\nmodel name : A CPU {}\nflags : fpu avx2 amx_int8 sse\n"
    (proc / "cpuinfo").write_text(core.format(0, 0) + "\n" + core.format(1, 1))
    assert (environment.cpu_model(), environment.cpu_flags()) == ("A CPU 0", ["avx2", "amx_int8"])


def test_family_and_model_tell_generations_of_one_name_apart(proc):
    (proc / "cpuinfo").write_text("cpu family : 25\nmodel : 17\nmodel name : AMD EPYC\n")
    assert environment.cpu_model() == "AMD EPYC (family 25, model 17)"


def test_arm_lists_features(proc):
    (proc / "cpuinfo").write_text("processor : 0\nFeatures : fp asimddp i8mm\n")
    assert environment.cpu_flags() == ["asimddp", "i8mm"]
    assert environment.cpu_model()


def test_without_proc_nothing_is_known_of_memory(proc):
    assert environment.cpu_flags() == []
    readers = (
        environment.free_memory,
        environment.process_memory,
        environment.peak_memory,
        environment.resident_memory,
    )
    assert [read() for read in readers] == [None] * 4


def test_kibibytes_become_bytes(proc):
    (proc / "self" / "smaps_rollup").write_text(ROLLUP)
    (proc / "self" / "status").write_text(STATUS)
    assert environment.process_memory() == environment.Memory(121092 * 1024, 85000 * 1024, 131072 * 1024)
    assert (environment.peak_memory(), environment.resident_memory()) == (131072 * 1024, 121092 * 1024)


def test_the_peak_is_at_least_what_is_resident(proc):
    (proc / "self" / "smaps_rollup").write_text(ROLLUP)
    (proc / "self" / "status").write_text("VmHWM:\t  121088 kB\n")
    assert environment.process_memory().peak == 121092 * 1024


# A process of its own: the tests' process may give other memory back meanwhile.
HELD = """
from dataclasses import astuple
from fillmask import environment
before = environment.process_memory()
held = b"x" * 40_000_000
during = environment.process_memory()
del held
after = environment.process_memory()
print(*astuple(before), *astuple(during), *astuple(after), environment.peak_memory())
"""


@LINUX
def test_memory_that_is_held_is_seen_and_its_peak_is_kept():
    found = subprocess.run([sys.executable, "-c", HELD], check=True, capture_output=True, text=True).stdout.split()
    before, during, after = (environment.Memory(*map(int, found[start : start + 3])) for start in (0, 3, 6))
    assert 38e6 < during.rss - before.rss < 45e6
    assert after.rss < during.rss - 30e6
    assert after.peak > during.rss - 1e6
    assert after.pss <= after.rss
    assert int(found[9]) == pytest.approx(after.peak, rel=0.01)


def test_a_container_may_leave_less_memory_than_the_machine(proc):
    (proc / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable: 1 kB\n")
    (proc / "memory.current").write_text("400\n")
    for limit, free in [("max\n", 1024), ("1000\n", 600), ("9000\n", 1024)]:
        (proc / "memory.max").write_text(limit)
        assert environment.free_memory() == free


def test_files_that_a_container_read_leave_its_memory_free(proc):
    (proc / "meminfo").write_text("MemAvailable: 9 kB\n")
    (proc / "memory.max").write_text("1000\n")
    (proc / "memory.current").write_text("900\n")
    (proc / "memory.stat").write_text("anon 100\nfile 800\nactive_file 50\ninactive_file 750\nworkingset_nodes 3\n")
    assert environment.free_memory() == 850
