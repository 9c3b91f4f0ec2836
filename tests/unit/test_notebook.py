from html.parser import HTMLParser

from fillmask import Label, Prediction, Results, Score, ScoredWord
from fillmask.notebook import results_html, score_html

HOSTILE = "<script>alert('x')</script>&"


class Parser(HTMLParser):
    """The tags and the text of a page; every tag must be closed."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.text, self.styles = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append(tag)
        self.styles.append(dict(attrs).get("style", ""))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_a_mask_is_a_table_of_scores_bars_and_texts_all_escaped():
    page = Parser(results_html(Results([[Prediction(0.5, 1, HOSTILE, "a b"), Prediction(0.25, 2, "b", HOSTILE)]])))
    assert not page.open
    assert set(page.tags) == {"table", "tbody", "tr", "td", "div"}
    assert page.text == ["50.00%", HOSTILE, "a b", "25.00%", "b", HOSTILE]
    assert [style.rpartition("width:")[2] for style in page.styles if "background" in style] == ["100.0%", "50.0%"]


def test_several_masks_have_a_table_each():
    page = Parser(results_html(Results([[Prediction(0.5, 1, "a", "a")], [Prediction(0.5, 1, "b", "b")]])))
    assert page.tags.count("table") == 2
    assert [text for text in page.text if text.startswith("mask")] == ["mask 1", "mask 2"]


def test_results_without_masks_are_one_table():
    page = Parser(results_html(Results([Label("sports", 0.75, -1.0), Label("politics", 0.0, -9.0)])))
    assert page.text == ["75.00%", "sports", "0.00%", "politics"]
    assert Parser(results_html(Results([]))).tags == ["table", "tbody"]


def test_a_score_shows_its_words():
    words = (ScoredWord(HOSTILE, 0, 3, -4.0, False), ScoredWord("b", 4, 5, -1.0, False))
    page = Parser(score_html(Score(-5.0, 12.182, (), words)))
    assert page.text == ["log_prob -5.00, perplexity 12.18", "-4.00", HOSTILE, "-1.00", "b"]
    assert [style.rpartition("width:")[2] for style in page.styles if "background" in style] == ["100.0%", "25.0%"]
    assert score_html(Score(0.0, 1.0, (), ()))


def test_a_word_that_the_model_rules_out_has_a_full_bar():
    words = (ScoredWord("a", 0, 1, float("-inf"), False), ScoredWord("b", 2, 3, -1.0, False))
    page = Parser(score_html(Score(float("-inf"), float("inf"), (), words)))
    bars = [style.rpartition("width:")[2] for style in page.styles if "background" in style]
    assert bars == ["100.0%", "100.0%"]
