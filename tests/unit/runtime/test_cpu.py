import os

import pytest

from fillmask.runtime import cpu


@pytest.fixture
def quota(tmp_path):
    """Lay out fake cgroups and give the quota read from them."""

    def read(membership, **files):
        for name, content in files.items():
            path = tmp_path / "cgroup" / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        (tmp_path / "membership").write_text(membership)
        return cpu._quota(tmp_path / "cgroup", tmp_path / "membership")

    return read


def test_a_v2_quota_is_cpu_time_by_period(quota):
    assert quota("0::/\n", cpu_dot_max="150000 100000\n") == 1.5


def test_a_v2_group_without_a_limit_has_no_quota(quota):
    assert quota("0::/\n", cpu_dot_max="max 100000\n") is None


def test_the_strictest_of_nested_v2_groups_counts(quota):
    files = {
        "pods__cpu_dot_max": "400000 100000\n",
        "pods__pod__cpu_dot_max": "50000 100000\n",
        "pods__pod__box__cpu_dot_max": "max 100000\n",
    }
    assert quota("0::/pods/pod/box\n", **files) == 0.5


def test_a_neighbouring_group_does_not_count(quota):
    assert quota("0::/mine\n", mine__cpu_dot_max="300000 100000", other__cpu_dot_max="100000 100000") == 3


def test_a_v1_quota_is_cpu_time_by_period(quota):
    files = {"cpu__cpu_dot_cfs_quota_us": "250000\n", "cpu__cpu_dot_cfs_period_us": "100000\n"}
    assert quota("4:cpu,cpuacct:/\n", **files) == 2.5


def test_a_v1_group_without_a_limit_has_no_quota(quota):
    files = {"cpu__cpu_dot_cfs_quota_us": "-1\n", "cpu__cpu_dot_cfs_period_us": "100000\n"}
    assert quota("4:cpu,cpuacct:/\n", **files) is None


def test_the_strictest_of_nested_v1_groups_counts(quota):
    files = {
        "cpu__docker__cpu_dot_cfs_quota_us": "100000",
        "cpu__docker__cpu_dot_cfs_period_us": "50000",
        "cpu__docker__box__cpu_dot_cfs_quota_us": "-1",
        "cpu__docker__box__cpu_dot_cfs_period_us": "100000",
    }
    assert quota("9:memory:/docker/box\n4:cpuacct,cpu:/docker/box\n", **files) == 2


def test_only_the_cpu_controller_of_v1_counts(quota):
    files = {"cpu__box__cpu_dot_cfs_quota_us": "100000", "cpu__box__cpu_dot_cfs_period_us": "100000"}
    assert quota("5:memory:/box\n3:cpuset:/box\n", **files) is None


def test_a_container_whose_own_path_is_hidden_uses_the_mounted_root(quota):
    files = {"cpu__cpu_dot_cfs_quota_us": "100000", "cpu__cpu_dot_cfs_period_us": "100000"}
    assert quota("4:cpu:/docker/0123abcd\n", **files) == 1


def test_both_hierarchies_at_once_give_the_strictest(quota):
    files = {"cpu__cpu_dot_cfs_quota_us": "300000", "cpu__cpu_dot_cfs_period_us": "100000"}
    assert quota("4:cpu:/\n0::/\n", cpu_dot_max="200000 100000", **files) == 2


def test_no_cgroups_are_no_limit(tmp_path):
    assert cpu._quota(tmp_path / "nowhere", tmp_path / "nothing") is None


@pytest.mark.parametrize(
    ("cores", "quota", "threads"), [(8, None, 8), (8, 0.1, 1), (8, 1.0, 1), (8, 1.5, 2), (8, 64.0, 8), (1, 4.0, 1)]
)
def test_threads_are_the_cores_cut_by_the_quota_and_rounded_up(monkeypatch, cores, quota, threads):
    monkeypatch.setattr(cpu, "_affinity", lambda: cores)
    monkeypatch.setattr(cpu, "_quota", lambda *_: quota)
    assert cpu.available_threads() == threads


def test_affinity_counts_only_the_cores_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    assert cpu._affinity() == 3


@pytest.mark.parametrize(("count", "cores"), [(6, 6), (None, 1)])
def test_where_the_system_has_no_affinity_every_core_counts(monkeypatch, count, cores):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert cpu._affinity() == cores


def test_this_process_may_use_a_thread():
    assert 1 <= cpu.available_threads() <= (os.cpu_count() or 1)
