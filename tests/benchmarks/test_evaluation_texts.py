"""The texts of an evaluation: read from archives, drawn, kept."""

from __future__ import annotations

import io
import tarfile

import pytest

from benchmarks.evaluation.archives import Sizes, detokenize, read_archives, sample
from benchmarks.evaluation.texts import Fact, Pair, Passage, Texts, read_kept, write_kept


def test_archives_are_read_into_the_texts_of_all_tasks(tmp_path):
    _archive(
        tmp_path / "wikitext2.tar.xz",
        {"test.txt": " = A = \n \n a @-@ b . \n = 2 c = \n \n = = H = = \n \n c \n \n = B = \n \n d \n"},
    )
    _archive(tmp_path / "lambada.tar.xz", {"lambada_test.jsonl": '{"text": "It is\\n\\nthe end"}\n'})
    _archive(tmp_path / "pararel.tar.xz", {
        "data/pattern_data/graphs_json/P1.jsonl": '{"pattern": "[X] is [Y]."}\n{"pattern": "no"}\n',
        "data/trex_lms_vocab/P1.jsonl": '{"sub_label": "Snow", "obj_label": "white"}\n',
        "data/trex_lms_vocab/P2.jsonl": '{"sub_label": "no", "obj_label": "pattern"}\n',
    })  # fmt: skip
    _archive(tmp_path / "blimp.tar.xz", {"a.jsonl": '{"UID": "a", "sentence_good": "g", "sentence_bad": "b"}\n'})
    assert read_archives(tmp_path) == Texts(
        [["a-b.", "c"], ["d"]],
        [Fact("P1", "[X] is [Y].", "Snow", "white")],
        [Passage("It is\n\nthe", "end")],
        [Pair("a", "g", "b")],
    )


def test_a_sample_is_the_same_each_time_and_has_some_of_each(tmp_path):
    whole = read_kept()
    drawn = sample(whole, Sizes(characters=1000, facts=3, passages=7, pairs=2))
    assert drawn == sample(whole, Sizes(characters=1000, facts=3, passages=7, pairs=2))
    assert (len(drawn.facts), len(drawn.passages), len(drawn.pairs)) == (12 * 3, 7, 67 * 2)
    assert all(sum(map(len, article)) >= 1000 > sum(map(len, article[:-1])) for article in drawn.articles)
    (tmp_path / "facts.json").write_text('{"P": {"template": "[X] [Y]", "facts": {"a": "b"}}}')
    write_kept(drawn, tmp_path)
    assert read_kept(tmp_path).pairs == drawn.pairs


def test_what_is_kept_is_whole():
    kept = read_kept()
    assert len(kept.articles) == 60
    assert min(sum(map(len, article)) for article in kept.articles) > 2000
    assert len(kept.passages) == 500
    assert len({pair.paradigm for pair in kept.pairs}) == 67
    assert len({(fact.relation, fact.subject) for fact in kept.facts}) == len(kept.facts) == 278
    assert all("[X]" in fact.template and "[Y]" in fact.template for fact in kept.facts)


@pytest.mark.parametrize(
    ("tokenized", "text"),
    [
        ('a " guest @-@ star " , he said', 'a "guest-star", he said'),
        ("It cost $ 1 @,@ 000 @.@ 5 ( gross ) .", "It cost $1,000.5 (gross)."),
        ("He didn 't see Teddy 's dog ; why ?", "He didn't see Teddy's dog; why?"),
    ],
)
def test_tokenized_text_is_put_together(tokenized, text):
    assert detokenize(tokenized) == text


def _archive(path, files):
    with tarfile.open(path, "w:xz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./top/{name}")
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
